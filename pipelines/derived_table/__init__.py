"""Declares derived tables, and refreshes those that are out of date: their inputs, fingerprints and writes.

The builders themselves are in `pipelines.unify`. The consent filter is passed in.
"""
