"""Insight into customers: scores, segments, personas, rule-based audiences and life events.

One sub-package a subject; `model` holds what fits and explains scores. Spark is imported by transforms only, so that
what serves requests may use the rest. Does not belong here: Dagster, paths, the consent filter and writes of tables.
"""
