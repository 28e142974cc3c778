"""Computes feature tables: functions from DataFrames to a DataFrame, on every engine.

A transform gets its inputs and the days for which to compute (`as_of`), and returns one row a customer and day. The
values of a day depend only on what was known by the end of that day. Does not belong here: sessions, paths, the consent
filter and writes, which `pipelines` has. What serves requests never imports this package, because it imports Spark.
"""
