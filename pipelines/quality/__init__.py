"""Checks the quality of tables against their contracts, and converts columns to standard forms.

Belongs here:

- the checks of a contract (`contract_check`, `contract_rule`, `check`)
- running them in one shared pass with Great Expectations (`gx_metric`, `gx_expectation`, `validation`)
- deciding whether derived tables may be built (`inspection`), and the last result of each table (`table_status`)
- results and their pages (`result`, `metric`, `data_docs`)
- the standard forms and the imputation that a contract asks for (`standard_form`, `imputation`)

Importing Great Expectations takes seconds, so only the `gx_*` modules import it, and they are imported at their first
use.

Does not belong here: parsing and quarantine (`pipelines.ingest`), Dagster's asset checks (`pipelines.defs`).
"""
