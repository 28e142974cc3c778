"""The results of checks that gold/quality_metric keeps: per table, per run, and those that failed."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from installation.lakehouse.lakehouse import Lakehouse

TABLE = "gold/quality_metric"
MOST_RUNS = 60
"""Runs of the trend."""
_COLUMNS = ("load_id", "table_name", "check_name", "check_kind", "column_name", "metric", "value", "passed",
            "severity", "measured_at")  # fmt: skip


@dataclass(frozen=True)
class FailedCheck:
    """A check of a table that does not hold.

    `unexpected` is the number of values that break it, `elements` of those that were checked; None where it counts no
    values. `severity` is error (nothing is built from the table) or warning.
    """

    table: str
    name: str
    kind: str
    column: str | None
    severity: str
    elements: int | None
    unexpected: int | None


@dataclass(frozen=True)
class TableChecks:
    """The newest checks of one table. `failed` are those that do not hold, errors first."""

    table: str
    measured_at: datetime
    holding: int
    failed: tuple[FailedCheck, ...]

    @property
    def errors(self) -> int:
        """Number of failed checks that stop what is built from the table."""
        return sum(one.severity == "error" for one in self.failed)


@dataclass(frozen=True)
class RunChecks:
    """All checks of one run: when, how many held, and how many did not."""

    measured_at: datetime
    holding: int
    warnings: int
    errors: int


@dataclass(frozen=True)
class CheckResults:
    """The newest checks of each table, the worst first, and the last runs, the earliest first."""

    tables: tuple[TableChecks, ...] = ()
    runs: tuple[RunChecks, ...] = ()


def read_check_results(lakehouse: Lakehouse, most_runs: int = MOST_RUNS) -> CheckResults:
    """Return the newest checks of each table and those of the last runs; none before the first run."""
    if not lakehouse.exists(TABLE):
        return CheckResults()
    # A run adds thousands of rows, so only what is told is read, and it is counted without Python objects.
    kept = lakehouse.rows(TABLE, ["table_name", "measured_at"])
    newest = {
        row["table_name"]: row["measured_at_max"]
        for row in kept.group_by("table_name").aggregate([("measured_at", "max")]).to_pylist()
    }
    last = set(sorted(pc.unique(kept["measured_at"]).to_pylist())[-most_runs:])
    wanted = ", ".join(f"'{moment}'" for moment in {*newest.values(), *last})
    found = lakehouse.rows(TABLE, _COLUMNS, f"measured_at IN ({wanted})")
    return CheckResults(_tables(found, newest), _runs(found, last))


def _runs(found: pa.Table, last: Set[datetime]) -> tuple[RunChecks, ...]:
    # A check holds if all its metrics do; "error" comes before "warning".
    checks = found.group_by(["measured_at", "table_name", "check_name"]).aggregate(
        [("passed", "all"), ("severity", "min")]
    )
    counted = checks.group_by(["measured_at", "passed_all", "severity_min"]).aggregate([([], "count_all")])
    runs = {moment: [0, 0, 0] for moment in sorted(last)}
    for row in counted.to_pylist():
        if row["measured_at"] in runs:
            kind = 0 if row["passed_all"] else 2 if row["severity_min"] == "error" else 1
            runs[row["measured_at"]][kind] += row["count_all"]
    return tuple(RunChecks(at, *counts) for at, counts in runs.items())


def _tables(found: pa.Table, newest: Mapping[str, datetime]) -> tuple[TableChecks, ...]:
    current = found.filter(pc.is_in(found["measured_at"], value_set=pa.array(set(newest.values()))))
    checks: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in current.to_pylist():
        if row["measured_at"] == newest[row["table_name"]]:
            checks.setdefault((row["table_name"], row["check_name"]), []).append(row)
    tables: dict[str, tuple[list[FailedCheck], list[str]]] = {}
    for (table, name), rows in checks.items():
        broken, held = tables.setdefault(table, ([], []))
        failed = _failed(table, name, rows)
        broken.append(failed) if failed is not None else held.append(name)
    results = [
        TableChecks(table, newest[table], len(held), tuple(sorted(broken, key=lambda one: (one.severity, one.name))))
        for table, (broken, held) in tables.items()
    ]
    return tuple(sorted(results, key=lambda one: (-one.errors, -len(one.failed), one.table)))


def _failed(table: str, name: str, rows: list[dict[str, Any]]) -> FailedCheck | None:
    """Return the check if a metric of it says that it does not hold."""
    if all(row["passed"] for row in rows):
        return None
    values = {row["metric"]: row["value"] for row in rows}
    first = rows[0]
    return FailedCheck(
        table, name, first["check_kind"], first["column_name"], first["severity"],
        _count(values.get("elements")), _count(values.get("unexpected")),
    )  # fmt: skip


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)
