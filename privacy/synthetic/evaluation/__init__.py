"""The report of synthetic data: scores and attacks, each between real hold-out rows and independent columns.

Does not belong here: the attacks themselves, and the verdict on a release.
"""
