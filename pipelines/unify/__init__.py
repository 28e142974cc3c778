"""Builds the silver and gold tables: functions that take DataFrames and return a DataFrame.

One module per table or group of measures; `registry.py` lists all tables. Dagster, paths and storage do not belong
here.
"""
