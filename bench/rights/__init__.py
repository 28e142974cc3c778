"""Measurements of data-subject rights, one script a claim."""
