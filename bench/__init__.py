"""Benchmarks that compare Bojagi with other tools, one script per topic; `python -m bench` runs all of them.

A script prints one JSON object per line with the fields of `bench.claim.Claim`. All other output goes to stderr.
"""
