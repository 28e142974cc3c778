"""A read for a role on real tables: the same on Arrow and on Spark, with pseudonyms, consent as of now, and logged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from installation.access.arrow_table import ArrowTables
from pipelines.access.spark_table import SparkTables
from privacy.access.errors import AccessRefused
from privacy.access.reader import TableReader
from privacy.access.role import built_in_roles
from privacy.audit import AuditLog
from privacy.consent.live_decision import LiveDecisions
from privacy.consent.view import ConsentView
from tests.pipelines.conftest import Built, agree
from tests.pipelines.consent.test_intake import TABLES

TABLE = "silver/customer"
READS = (
    (TABLE, "analyst", "analytics", None),
    (TABLE, "data_steward", "quality_assurance", None),
    ("bronze/crm_customer", "data_steward", "quality_assurance", None),
    ("bronze/loyalty_card", "data_steward", "quality_assurance", None),
    ("silver/identifier", "data_steward", "identity_resolution", None),
)


@pytest.fixture
def built(build_market) -> Built:
    tables = (*TABLES, "silver/customer_attribute", TABLE)
    return build_market("sail", tables, ("crm_customer", "loyalty_card", "consent_event"))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    with closing(AuditLog(tmp_path / "audit.db", tmp_path / "anchor", bytes(32))) as opened:
        yield opened


def readers(built: Built, log: AuditLog) -> tuple[TableReader[pa.Table], TableReader[Any]]:
    """Return the reader on Arrow and the one on Spark, of one market."""
    view = built.context.agreed
    decisions = LiveDecisions(view.open(), view.policy, view.controller)
    on_arrow = ArrowTables(built.lakehouse, view.policy, lambda: decisions)
    on_spark = SparkTables(built.lakehouse, lambda at: ConsentView(view.open, view.policy, view.controller, at))
    rest: Any = (
        built.context.contracts, built_in_roles(), view.policy, lambda: view.moment, log, bytes(32), "ha-neul",
        lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return TableReader(on_arrow, *rest), TableReader(on_spark, *rest)


def sorted_rows(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=repr)


def test_both_backends_return_the_same_rows_also_after_a_change_of_mind(built: Built, log: AuditLog) -> None:
    people, later = sorted(built.frame(TABLE)["customer_id"]), built.context.agreed.moment
    arrow, spark = readers(built, log)
    for speaks in (False, True):
        if speaks:
            agree(built, people[0], "analytics", "withdrawn", effective_at=later, recorded_at=later)
            agree(built, people[1], "*", "restricted", record_id="r_all", effective_at=later, recorded_at=later)
            arrow, spark = readers(built, log)
        for table, role, purpose, columns in READS:
            one, other = (reader.read(table, role, purpose, columns) for reader in (arrow, spark))
            assert (one.plan, one.subjects) == (other.plan, other.subjects), table
            assert sorted_rows(one.frame) == sorted_rows(other.frame.toArrow()), table
            assert one.frame.num_rows > 0
    assert arrow.read(TABLE, "analyst", "analytics").subjects == len(people) - 2


def test_a_customer_who_agrees_after_the_run_is_in_the_next_read(built: Built, log: AuditLog) -> None:
    person, later = sorted(built.frame(TABLE)["customer_id"])[0], built.context.agreed.moment
    agree(built, person, "analytics", "withdrawn", effective_at=later, recorded_at=later)
    assert {reader.read(TABLE, "analyst", "analytics").subjects for reader in readers(built, log)} == {
        len(built.frame(TABLE)) - 1
    }
    agree(built, person, "analytics", "renewed", effective_at=later, recorded_at=later + timedelta(1))
    assert {reader.read(TABLE, "analyst", "analytics").subjects for reader in readers(built, log)} == {
        len(built.frame(TABLE))
    }


def test_a_withdrawal_hides_the_customer_from_the_next_read_and_reads_are_logged(built: Built, log: AuditLog) -> None:
    people, later = sorted(built.frame(TABLE)["customer_id"]), built.context.agreed.moment
    for number, reader in enumerate(readers(built, log)):
        before = reader.read(TABLE, "analyst", "analytics", ["customer_id", "sex"])
        assert before.subjects == len(people) - number
        agree(built, people[number], "analytics", "withdrawn", effective_at=later, recorded_at=later)
        after = readers(built, log)[number].read(TABLE, "analyst", "analytics")
        assert after.subjects == len(people) - number - 1
        with pytest.raises(AccessRefused):
            reader.read(TABLE, "analyst", "marketing")
    entries = [(entry.purpose, entry.outcome, entry.subjects) for _, entry in log.entries()]
    assert entries[:3] == [
        ("analytics", "allowed", len(people)),
        ("analytics", "allowed", len(people) - 1),
        ("marketing", "refused", None),
    ]
    assert log.verify() == []
    assert not any(person in str(list(log.entries())) for person in people)


def test_pseudonyms_replace_the_customer_and_direct_identifiers_are_left_out(built: Built, log: AuditLog) -> None:
    arrow, _ = readers(built, log)
    shown = arrow.read(TABLE, "analyst", "analytics", ["customer_id"]).frame["customer_id"].to_pylist()
    assert len(shown) == len(set(shown)) > 0
    assert all(name.startswith("p_") for name in shown)
    steward = arrow.read("bronze/crm_customer", "data_steward", "quality_assurance")
    assert steward.plan.left_out["name"] == "identifies the person"


def test_a_limit_returns_few_rows_and_fetches_few_customers(
    built: Built, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []
    original = SparkTables.texts
    monkeypatch.setattr(
        SparkTables,
        "texts",
        lambda self, frame, column: fetched.append(len(found := original(self, frame, column))) or found,
    )
    for reader in readers(built, log):
        read = reader.read(TABLE, "analyst", "analytics", limit=2)
        rows = read.frame if isinstance(read.frame, pa.Table) else read.frame.toArrow()
        assert rows.num_rows == 2
        assert read.subjects == len(built.frame(TABLE))
    assert fetched == [2]
