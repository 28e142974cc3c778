"""Measures the collector: delivery under kills, throughput and times, and consent at collection."""
