"""Accuracy, scale and batches of identity resolution, measured beside plain Splink."""
