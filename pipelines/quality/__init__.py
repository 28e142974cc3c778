"""Checks the quality of tables against their contracts, and converts columns to standard forms.

Belongs here: the checks of a contract (`suite`, `rule`, `check`), running them in one shared pass with Great
Expectations (`gx_metric`, `gx_expectation`, `validate`), their results (`result`, `metric`, `docs`), and the standard
forms and imputation that a contract asks for (`standardise`, `impute`). Importing Great Expectations takes seconds, so
only the `gx_*` modules import it, and they are imported at their first use.

Does not belong here: parsing and quarantine (`pipelines.ingest`), Dagster's asset checks (`pipelines.defs`).
"""
