"""Benchmarks of differential privacy, compared with the same aggregation without it and with other tools."""
