"""Plans and runs the deletion of rows whose retention, as the contracts state it, has ended.

Belongs here: plain functions over the lakehouse. Dagster and the engines (Spark, Sail) do not belong here.
"""
