"""Insight: what the features say about customers: scores, segments and personas, audiences, life events.

Belongs here: models and rules over feature tables, and the functions that build the tables of insight. Only modules
named in a contract's `transform` import Spark. Does not belong here: Dagster, commands, sessions, writes and the filter
by consent, which `pipelines` has.
"""
