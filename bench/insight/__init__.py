"""Benchmarks of insight: models out of time, CDNOW, calibration, scale."""
