"""Side-by-side measurements, one script a claim; `python -m bench` runs them all. No assertions on time in tests.

A script prints one JSON object a line, the fields of `bench.claim.Claim`, and may print anything else on stderr.
"""
