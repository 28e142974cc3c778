"""The search for a release that satisfies the models at the least information loss.

It takes a frequency table and returns an allocation of its records to classes. Checking the result belongs in `verify`.
"""
