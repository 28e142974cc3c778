"""Tables that leave the house: which rows and columns, for what purpose, under which models, and the proof.

One YAML file here is one release. No search and no model belongs here (see `privacy.anonymity`), no Dagster either.
"""

LAYER = "release"
"""Layer and group of all that leaves the house; no refresh makes any of it."""
