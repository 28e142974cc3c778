"""Customers of the lakehouse: register entries, their links by exact keys and by match weight, and customer ids.

Here is what turns matching keys into customers with lasting ids, and how a steward's decisions change that. The steps
of record linkage are in `pipelines.matching`, the commands of a steward in `pipelines.steward`.
"""
