"""The module that Dagster loads, as in `dagster dev -m pipelines.definitions`."""

from pipelines.defs.build import build_definitions

defs = build_definitions()
