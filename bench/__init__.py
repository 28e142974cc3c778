"""Side-by-side measurements, one script a claim; `python -m bench` runs them all.

A script prints one JSON object a line, the fields of `bench.claim.Claim`, and anything else on stderr.
"""
