"""Builds silver and gold tables that are out of date: what a table is, its inputs, its fingerprint, its refresh.

The builders themselves are in `pipelines.unify`. The consent filter is passed in.
"""
