"""Where Dagster finds Bojagi: `dagster-webserver -m pipelines.definitions`."""

from pipelines.defs.build import build_definitions

defs = build_definitions()
