"""Customers of the lakehouse: register entries, their links by exact keys and by match weight, and customer ids.

The modules here turn matching keys into customers with stable ids, and apply a steward's decisions. The steps of
record linkage are in `pipelines.matching`, the commands of a steward in `pipelines.steward`.
"""
