"""Measures what federated training is worth to each site.

What belongs here: metrics on held-out rows with intervals, the comparison of the federated model with the local one
and, where rows may be pooled, with the central one, contributions of sites, and the report's data.
"""
