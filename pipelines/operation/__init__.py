"""Observes an installation for its operator: its state, metrics for Prometheus, and alerts with their delivery.

Nothing here changes tables or stores of persons, and nothing here names a person. Dagster's part of the state is read
in `pipelines.orchestration` and handed in.
"""
