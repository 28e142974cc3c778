"""Measures identity resolution on labelled data, beside plain Splink."""
