"""Measures accuracy, batches and scale of identity resolution, compared with plain Splink."""
