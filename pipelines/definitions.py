"""Holds the definitions that Dagster loads, for example by `dagster dev -m pipelines.definitions`."""

from pipelines.defs.build import build_definitions

defs = build_definitions()
