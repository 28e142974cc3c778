"""Retention of the built-in contracts: consent and identity tables must not lose rows by age."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from installation.contract.document import Contracts, load_contracts
from pipelines.derived_table.refresh import within_retention
from pipelines.engine.session import Engine
from pipelines.unify.registry import TABLES


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts()


def test_tables_that_remember_earlier_builds_hold_all_their_rows(contracts: Contracts) -> None:
    for table in TABLES:
        contract = contracts.table(table.name)
        if table.remembers and contract.retention_days is not None:
            assert contract.retention_hold.get("where") == "true", table.name


@pytest.mark.parametrize("table", ["bronze/consent_event", "silver/consent_event", "silver/permission"])
def test_consent_records_are_never_deleted_by_age(contracts: Contracts, table: str) -> None:
    """Without this, deleting a withdrawal would make the older consent valid again."""
    assert contracts.table(table).retention_hold.get("where") == "true"


def test_a_derived_table_is_built_without_rows_past_their_retention(engine: Engine, contracts: Contracts) -> None:
    session = replace(contracts.table("silver/session"), retention_hold={"where": "session_id = 'held'", "reason": "x"})
    rows = [("old", date(2016, 1, 1)), ("held", date(2016, 1, 1)), ("new", date(2017, 5, 1)), ("none", None)]
    frame = engine.spark.createDataFrame(rows, "session_id string, session_date date")
    kept = {row["session_id"] for row in within_retention(frame, session, date(2017, 5, 2)).collect()}
    assert kept == {"held", "new", "none"}
    everything = replace(session, retention_hold={"where": "true", "reason": "x"})
    assert within_retention(frame, everything, date(2017, 5, 2)) is frame
