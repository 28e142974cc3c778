"""Benchmarks of the features: the online store, retrieval in the process, and HTTP."""
