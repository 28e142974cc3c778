"""Measures the collector: consent at collection, against an independent evaluation."""
