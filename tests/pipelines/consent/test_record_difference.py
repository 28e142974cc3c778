"""find_differences against a plain loop over Python rows, on random records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.consent.record_difference import COMPARED, CORRECTION, find_differences
from privacy.consent.rows import RECORD_SCHEMA

NOON = datetime(2017, 1, 1, 12)
Row = dict[str, Any]


def row(rng: np.random.Generator, record_id: str) -> Row:
    """A record with few different values, some of them null, so that rows are often equal."""
    made: Row = {}
    for field in RECORD_SCHEMA:
        if field.nullable and rng.random() < 0.2:
            made[field.name] = None
        elif field.type == pa.string():
            made[field.name] = str(rng.choice(["a", "b"], p=[0.97, 0.03]))
        elif field.type == pa.int32():
            made[field.name] = int(rng.integers(2))
        else:
            made[field.name] = NOON + timedelta(microseconds=int(rng.integers(2)))
    return made | {"record_id": record_id}


def by_loop(landed: list[Row], stored: list[Row]) -> tuple[list[Row], list[Row], list[Row]]:
    newest = {one["record_id"].partition(CORRECTION)[0]: one for one in stored}
    new, changed, before = [], [], []
    for one in landed:
        other = newest.get(one["record_id"])
        if other is None:
            new.append(one)
        elif any(other[name] != one[name] for name in COMPARED):
            changed.append(one)
            before.append({name: other[name] for name in ("record_id", "recorded_at")})
    return new, changed, before


def table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=RECORD_SCHEMA)


@pytest.mark.parametrize("seed", range(20))
def test_new_and_changed_rows_are_those_that_a_loop_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    landed = [row(rng, f"C{number}") for number in rng.permutation(60)]
    stored = [dict(one) for one in landed if rng.random() < 0.7]
    stored += [row(rng, f"typed{number}") for number in range(5)]
    for number in range(1, 4):
        again = [one for one in landed if rng.random() < 0.3]
        stored += [one | row(rng, f"{one['record_id']}{CORRECTION}{number}") if rng.random() < 0.5
                   else one | {"record_id": f"{one['record_id']}{CORRECTION}{number}"} for one in again]  # fmt: skip
    new, changed, before = by_loop(landed, stored)
    found = find_differences(table(landed), table(stored))
    assert (found.new.to_pylist(), found.changed.to_pylist(), found.stored.to_pylist()) == (new, changed, before)
    assert new
    assert changed


@pytest.mark.parametrize("name", COMPARED)
def test_one_different_or_missing_value_of_any_compared_column_is_a_change(name: str) -> None:
    rng = np.random.default_rng(1)
    one = {field: value for field, value in row(rng, "C1").items() if value is not None}
    full = {field.name: one.get(field.name, "x" if field.type == pa.string() else NOON) for field in RECORD_SCHEMA}
    full["age_years"] = 30
    other = {"age_years": 31}.get(name, full[name] + timedelta(microseconds=1) if name.endswith("_at") else "other")
    values = [other, *([None] if RECORD_SCHEMA.field(name).nullable else [])]
    for value in values:
        assert len(find_differences(table([full | {name: value}]), table([full])).changed) == 1
        assert len(find_differences(table([full]), table([full | {name: value}])).changed) == 1
    assert len(find_differences(table([full]), table([full])).changed) == 0


def test_another_time_of_recording_or_superseded_record_is_no_change() -> None:
    rng = np.random.default_rng(2)
    one = row(rng, "C1")
    other = one | {"recorded_at": NOON + timedelta(days=3), "supersedes": "r_0"}
    assert len(find_differences(table([one]), table([other])).changed) == 0


def test_without_stored_records_everything_is_new_and_without_landed_ones_nothing() -> None:
    rows = table([row(np.random.default_rng(3), "C1")])
    assert find_differences(rows, RECORD_SCHEMA.empty_table()).new == rows
    found = find_differences(RECORD_SCHEMA.empty_table(), rows)
    assert (len(found.new), len(found.changed), len(found.stored)) == (0, 0, 0)
