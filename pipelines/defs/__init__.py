"""Thin Dagster declarations only: assets, checks, jobs, schedules, sensors, resources."""
