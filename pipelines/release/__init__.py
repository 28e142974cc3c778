"""Tables that are published: each is declared by one YAML file of `declared/`, made by its kind, and proven.

Kinds: `anonymous` (rows, `privacy.anonymity`) and `statistics` (`privacy.dp`). No search, no noise and no Dagster here.
"""

LAYER = "release"
"""Layer and asset group of all published tables. No refresh makes them: a job of its own does."""
