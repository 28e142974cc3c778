"""Data quality: checks derived from contracts, run by Great Expectations, and standard forms.

Belongs here: what to check (`suite`, `rule`, `check`), how it is run in one shared pass (`gx_metric`,
`gx_expectation`, `validate`), what comes out (`result`, `metric`, `docs`), and the standard forms and
imputation that a contract asks for (`standardise`, `impute`). Great Expectations costs seconds to import, so
only the `gx_*` modules and `docs` import it, and they are imported where they are used.

Does not belong here: parsing and quarantine (`pipelines.ingest`), Dagster's asset checks (`pipelines.defs`).
"""
