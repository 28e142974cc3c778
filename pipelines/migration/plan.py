"""Holds the plan for a table: its changes, what must be done, which rows do not fit, and why it may be refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from installation.contract.document import Contract
from pipelines.errors import MigrationError
from pipelines.table_form.change import ChangeKind, Difference

NAMED_LINES = 5
"""How many lines of a file a reason names."""
_LOSING = frozenset({ChangeKind.DROPPED, ChangeKind.ENCRYPTED, ChangeKind.DECRYPTED})


class Action(StrEnum):
    """What a migration does with a table."""

    NONE = "up to date"
    NOTE = "note the contract"
    ADD = "add columns"
    REWRITE = "rewrite"
    RESTORE = "restore"
    REBUILD = "rebuilt by the next run"


@dataclass(frozen=True)
class Misfits:
    """Rows of one file that do not fit the contract for the same reason. `lines` are the first ones."""

    file: str
    column: str
    reason: str
    rows: int
    lines: tuple[int, ...]

    @property
    def message(self) -> str:
        """The rows and the reason in one line."""
        more = f" and {self.rows - len(self.lines):,} more" if self.rows > len(self.lines) else ""
        lines = f", line {', '.join(map(str, self.lines))}{more}" if self.lines else f", {self.rows:,} rows"
        return f"{self.file or 'table'}{lines}: {self.column}: {self.reason}"


@dataclass
class MisfitCount:
    """Counts rows that do not fit, by file, column and reason."""

    rows: int = 0
    _counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _lines: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)

    def add(self, file: str, line: int | None, column: str, reason: str) -> None:
        """Count one row."""
        key = (file, column, reason)
        self.rows += 1
        self._counts[key] += 1
        lines = self._lines.setdefault(key, [])
        if line is not None and len(lines) < NAMED_LINES:
            lines.append(line)

    @property
    def groups(self) -> tuple[Misfits, ...]:
        """The counts, most rows first."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Misfits(*key, rows, tuple(sorted(self._lines[key]))) for key, rows in ordered)


@dataclass(frozen=True)
class TablePlan:
    """The plan for one table.

    Attributes:
        contract: the contract that the table moves to.
        difference: the changes.
        action: what a migration does.
        rows: number of rows that the table has.
        refusals: reasons for which it may not be done at all.
        misfits: rows that do not fit the contract.
        misfit_rows: how many rows that are.
        notes: what to know before it is done.
        restores: version that is restored; None for other actions.
    """

    contract: Contract
    difference: Difference
    action: Action
    rows: int = 0
    refusals: tuple[str, ...] = ()
    misfits: tuple[Misfits, ...] = ()
    misfit_rows: int = 0
    notes: tuple[str, ...] = ()
    restores: int | None = None

    @property
    def table(self) -> str:
        """Name of the table."""
        return self.contract.table

    @property
    def losses(self) -> tuple[str, ...]:
        """What the migration takes away or uncovers, one line each."""
        lost = [f"{self.table}: {change.message}" for change in self.difference.changes if change.kind in _LOSING]
        moved = f"{self.table}: {self.misfit_rows:,} rows go to quarantine"
        return (*lost, *((moved,) if self.misfit_rows else ()))

    @property
    def is_possible(self) -> bool:
        """Whether the migration can be done as it is."""
        return not self.refusals and not self.misfit_rows

    def as_dict(self) -> dict[str, Any]:
        """Return the plan for `--json`."""
        return {
            "table": self.table,
            "action": self.action.value,
            "rows": self.rows,
            "changes": [
                {"kind": one.kind.value, "column": one.column, "before": one.before, "after": one.after}
                for one in self.difference.changes
            ],
            "possible": self.is_possible,
            "refusals": list(self.refusals),
            "misfit_rows": self.misfit_rows,
            "misfits": [
                {"file": o.file, "column": o.column, "reason": o.reason, "rows": o.rows, "lines": list(o.lines)}
                for o in self.misfits
            ],
            "notes": list(self.notes),
        }


def require_possible(plans: Iterable[TablePlan], *, quarantines: bool = False) -> None:
    """Check that every plan can be done; with `quarantines`, rows that do not fit are no obstacle.

    Raises:
        MigrationError: names each table that cannot be migrated, with the reasons.
    """
    refused = [plan for plan in plans if plan.refusals or (plan.misfit_rows and not quarantines)]
    if refused:
        raise MigrationError(tuple(line for plan in refused for line in refusal_lines(plan)), refused[0].table)


def refusal_lines(plan: TablePlan) -> list[str]:
    """Return why a plan cannot be done, one line a reason, with the next step."""
    lines = [f"{plan.table}: {reason}" for reason in plan.refusals]
    if plan.misfit_rows:
        lines.append(
            f"{plan.table}: {plan.misfit_rows:,} of {plan.rows:,} rows do not fit the contract. Correct the contract, "
            "or move these rows to quarantine with --quarantine"
        )
        lines += [f"{plan.table}: {one.message}" for one in plan.misfits[:10]]
    return lines
