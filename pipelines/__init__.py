"""Loads landed files, checks them, and builds and refreshes the tables of the lakehouse, by Spark jobs and Dagster."""
