"""Benchmarks of recommendation: lists of a month against simple methods, on the Complete Journey."""
