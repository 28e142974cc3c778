"""Measures the console's pages of one customer."""
