"""Dagster and the Spark jobs: how data gets in, is checked, unified and refreshed."""
