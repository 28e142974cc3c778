"""Differential privacy, measured beside the same aggregation without it."""
