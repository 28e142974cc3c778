"""The results of checks that gold/quality_metric keeps: per table, per run, and those that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from installation.lakehouse.lakehouse import Lakehouse

TABLE = "gold/quality_metric"
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
    """The newest checks of each table, the worst first, and the runs, the earliest first."""

    tables: tuple[TableChecks, ...] = ()
    runs: tuple[RunChecks, ...] = ()


def read_check_results(lakehouse: Lakehouse) -> CheckResults:
    """Return the results of all checks that were kept; none before the first run. They hold no personal data."""
    if not lakehouse.exists(TABLE):
        return CheckResults()
    checks: dict[tuple[str, datetime, str], list[dict[str, Any]]] = {}
    for row in lakehouse.rows(TABLE, _COLUMNS).to_pylist():
        checks.setdefault((row["table_name"], row["measured_at"], row["check_name"]), []).append(row)
    newest: dict[str, datetime] = {}
    for table, at, _ in checks:
        newest[table] = max(at, newest.get(table, at))
    runs: dict[datetime, list[int]] = {}
    tables: dict[str, tuple[list[FailedCheck], list[str]]] = {}
    for (table, at, name), rows in checks.items():
        counts = runs.setdefault(at, [0, 0, 0])
        failed = _failed(table, name, rows)
        counts[0 if failed is None else 2 if failed.severity == "error" else 1] += 1
        if newest[table] == at:
            broken, held = tables.setdefault(table, ([], []))
            broken.append(failed) if failed is not None else held.append(name)
    found = [
        TableChecks(table, newest[table], len(held), tuple(sorted(broken, key=lambda one: (one.severity, one.name))))
        for table, (broken, held) in tables.items()
    ]
    return CheckResults(
        tuple(sorted(found, key=lambda one: (-one.errors, -len(one.failed), one.table))),
        tuple(RunChecks(at, *counts) for at, counts in sorted(runs.items())),
    )


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
