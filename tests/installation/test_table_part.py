"""A read of one customer's part of a table: the rows of the whole read, and nothing of anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from installation.installation import Installation
from installation.settings import load_settings
from privacy.access.errors import AccessRefused
from privacy.access.reader import TableReader
from privacy.access.table_part import TablePart
from privacy.consent.service import Statement, Terms

TABLE, CALL, ADULT = "gold/customer_monthly_spend", Statement("call_center"), Terms("2026.1", age_years=30)
CUSTOMERS = [f"c_{number}" for number in range(6)]
FIRST = date(2026, 1, 1)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation with twelve rows of each customer, in no order of the customers; half permit analytics."""
    with Installation(load_settings(data_dir=tmp_path, lakehouse_root=str(tmp_path / "lakehouse"))) as opened:
        rows = [(one, FIRST + timedelta(days=31 * month)) for month in range(12) for one in CUSTOMERS]
        columns = {"customer_id": [one for one, _ in rows], "month": [day for _, day in rows]}
        opened.lakehouse.overwrite_rows(TABLE, pa.table({**columns, "sales_value": list(range(len(rows)))}))
        keys = {"token_kind": ["card"] * len(CUSTOMERS), "token": CUSTOMERS, "customer_id": CUSTOMERS}
        opened.lakehouse.overwrite_rows("silver/identifier", pa.table(keys))
        for customer in CUSTOMERS[::2]:
            opened.consent_service().grant(customer, "analytics", ADULT, CALL)
        yield opened


def rows(reader: TableReader[Any], role: str = "analyst", **selection: Any) -> list[dict[str, Any]]:
    columns = ["customer_id", "month", "sales_value"]
    found: list[dict[str, Any]] = reader.read(TABLE, role, "analytics", columns, **selection).frame.to_pylist()
    return sorted(found, key=repr)


@pytest.mark.parametrize("role", ["analyst", "privacy_officer"])
def test_the_parts_of_all_customers_are_the_whole_read(installation: Installation, role: str) -> None:
    reader = installation.table_reader("somebody")
    parts = [rows(reader, role, part=TablePart(customer)) for customer in CUSTOMERS]
    assert [len(part) for part in parts] == [12, 0] * 3
    assert sorted((row for part in parts for row in part), key=repr) == rows(reader, role)


def test_a_withdrawal_empties_the_part_and_the_log_tells_by_what_was_filtered(installation: Installation) -> None:
    reader = installation.table_reader("somebody")
    assert rows(reader, part=TablePart("c_0"))
    installation.consent_service().withdraw("c_0", "analytics", CALL)
    assert rows(reader, part=TablePart("c_0")) == []
    assert [entry for _, entry in installation.audit_log.entries()][-1].filtered_by == ("customer_id",)


def test_the_bounds_of_days_are_included(installation: Installation) -> None:
    part = TablePart("c_0", "month", FIRST + timedelta(days=31), FIRST + timedelta(days=93))
    found = rows(installation.table_reader("somebody"), "privacy_officer", part=part)
    assert [row["month"].month for row in found] == [2, 3, 4]


@pytest.mark.parametrize(
    "hostile", ["", "c_0' OR '1'='1", "c_0'--", "c_0 ", "c_0\n", "c\x00", "c_%' OR customer_id<>'"]
)
def test_a_text_that_is_no_identifier_is_refused_before_it_is_sql(hostile: str) -> None:
    with pytest.raises(AccessRefused, match="something else than the identifier"):
        TablePart(hostile)


def test_without_the_refusal_a_hostile_text_would_read_other_customers(installation: Installation) -> None:
    part = TablePart("c_0")
    object.__setattr__(part, "customer_id", "c_0' OR '1'='1")
    assert len(rows(installation.table_reader("somebody"), part=part)) == 12 * 3
