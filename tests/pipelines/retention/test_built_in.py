"""Retention of the built-in contracts: consent and identity tables must not lose rows by age."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from installation.contract.document import Contracts, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.derived_table.refresh import within_retention
from pipelines.engine.session import Engine
from pipelines.orchestration.metadata import asset_key, column_lineage
from pipelines.retention.plan import plan_retention, shorter_sources
from pipelines.unify.registry import TABLES, all_tables


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts()


def test_silver_tables_that_remember_earlier_builds_hold_all_their_rows(contracts: Contracts) -> None:
    """Identity must not be forgotten.

    Gold tables that remember, such as segments, only lose their oldest days. What a destination knew of a customer who
    is gone from it need not stay, and a disclosure is kept for three years.
    """
    for table in TABLES:
        contract = contracts.table(table.name)
        if (
            table.remembers
            and table.name not in ("silver/sent_profile", "silver/disclosure")
            and contract.layer == "silver"
            and contract.retention_days is not None
        ):
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


def longer_than_source(contracts: Contracts) -> set[tuple[str, str]]:
    """Return table and source of each derived column that outlives its source.

    The lineage of every column is walked down to the sources. A table that is rebuilt as a whole holds only what its
    inputs hold. A table whose days are rewritten one by one keeps rows of other days, so its own retention decides.
    """
    tables = {table.name: table for table in all_tables(contracts)}
    names = {asset_key(name): name for name in (*tables, *(source.table for source in contracts.sources))}

    def sources(name: str, column: str, seen: frozenset[tuple[str, str]]) -> set[str]:
        if name not in tables:
            return {name}
        inputs = tables[name].all_inputs(contracts)
        found = set()
        for origin in column_lineage(contracts.table(name), inputs, contracts).deps_by_column[column]:
            place = (names[origin.asset_key], origin.column_name)
            if place[0] not in tables:
                found.add(place[0])
            elif place not in seen:
                found |= sources(*place, seen | {place})
        return found

    outliving = set()
    for name, table in tables.items():
        contract = contracts.table(name)
        reads = {source.table: source for source in contracts.sources if source.table in table.all_inputs(contracts)}
        origins = {found for column in contract.columns for found in sources(name, column.name, frozenset())}
        if table.refreshes_days is None or contract.retention_days is None:
            continue
        limits = {
            contracts.table(source).table: shorter_sources(contract, contracts) for source in origins | set(reads)
        }
        for source, shorter in limits.items():
            origin = contracts.table(source)
            kept = shorter.get(origin.name, contract.retention_days)
            is_of_events = origin.touchpoint is not None or source in origins
            if is_of_events and origin.retention_column and kept > (origin.retention_days or kept):
                outliving.add((name, source))
    return outliving


def test_no_derived_table_keeps_a_row_longer_than_its_source_allows(contracts: Contracts) -> None:
    assert longer_than_source(contracts) == set()


def test_the_walk_finds_a_table_that_outlives_its_sources(contracts: Contracts) -> None:
    # Negative control: the contract as it was, with three years for every event.
    events = contracts.table("silver/touchpoint_event")
    former = Contracts([replace(c, retention_by_source=None) if c.id == events.id else c for c in contracts.values()])
    assert ("silver/touchpoint_event", "bronze/web_event") in longer_than_source(former)


def test_an_event_is_deleted_with_its_source_and_those_of_other_sources_stay(
    tmp_path: Path, contracts: Contracts
) -> None:
    lakehouse = Lakehouse(str(tmp_path))
    days = [date(2017, 1, 1), date(2018, 6, 1)]
    rows = [{"event_date": day, "source": source} for day in days for source in ("web_event", "cj_transactions")]
    lakehouse.append_rows("silver/touchpoint_event", pa.Table.from_pylist(rows))
    (plan,) = plan_retention(lakehouse, contracts, date(2018, 7, 1))
    assert (plan.rows, plan.due_rows) == (4, 1)
    assert lakehouse.delete("silver/touchpoint_event", str(plan.due)) == 1
    left = lakehouse.rows("silver/touchpoint_event").to_pylist()
    assert {"event_date": days[0], "source": "web_event"} not in left
    assert {"event_date": days[0], "source": "cj_transactions"} in left
    # Negative control: without the column of the source, the search query stays for three years.
    former = replace(contracts.table("silver/touchpoint_event"), retention_by_source=None)
    assert shorter_sources(former, contracts) == {}


def test_a_build_leaves_out_events_past_the_retention_of_their_source(engine: Engine, contracts: Contracts) -> None:
    contract = contracts.table("silver/touchpoint_event")
    rows = [("web_event", date(2017, 1, 1)), ("cj_transactions", date(2017, 1, 1)), ("web_event", date(2018, 6, 1))]
    frame = engine.spark.createDataFrame(rows, "source string, event_date date")
    shorter = shorter_sources(contract, contracts)
    kept = [tuple(row) for row in within_retention(frame, contract, date(2018, 7, 1), shorter).collect()]
    assert sorted(kept) == sorted(rows[1:])
