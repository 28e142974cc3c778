"""Evaluates identity resolution on labelled data sets: precision, recall and time, compared with plain Splink."""
