"""Measures the online store and the retrieval of features: `python -m bench features`."""
