"""Scores of synthetic tables that separate good from bad, each between a real sample and independent columns."""
