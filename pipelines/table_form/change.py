"""Finds how a contract differs from the form of its table, change by change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipelines.table_form.form import ColumnForm, TableForm
from privacy.contract.spark_type import SparkType, parse_type


class ChangeKind(StrEnum):
    """The kinds of changes between a table and its contract."""

    ADDED = "added"
    DROPPED = "dropped"
    RENAMED = "renamed"
    WIDENED = "widened"
    NARROWED = "narrowed"
    CONVERTED = "converted"
    ENCRYPTED = "encrypted"
    DECRYPTED = "decrypted"
    TOKEN = "token"
    SUBJECT = "subject key"
    REFERENCE = "reference"
    FILLED = "filled"
    RULES = "rules"
    KEY = "key"
    PARTITION = "partition"


@dataclass(frozen=True)
class Change:
    """One change. `column` is the name in the contract, for a dropped column that in the table; "" for the table."""

    kind: ChangeKind
    column: str
    before: str = ""
    after: str = ""

    @property
    def message(self) -> str:
        """The change in one line."""
        states = f"{self.before} → {self.after}" if self.before and self.after else self.before or self.after
        return " ".join(part for part in (self.kind.value, self.column, f"({states})" if states else "") if part)


@dataclass(frozen=True)
class Difference:
    """All changes, and the columns that stay: `origin` maps a column of the contract to that of the table."""

    before: TableForm
    after: TableForm
    origin: Mapping[str, str]
    changes: tuple[Change, ...]

    @property
    def blocking(self) -> tuple[str, ...]:
        """The changes without which a load under the contract would fail or would leave values out, one line each."""
        filled = self.of(ChangeKind.FILLED)
        needed = [
            change
            for change in self.changes
            if change.kind not in (ChangeKind.ADDED, ChangeKind.RULES, ChangeKind.KEY)
            or (change.kind is ChangeKind.ADDED and change.column not in filled and self._requires(change.column))
        ]
        return tuple(change.message for change in needed)

    def _requires(self, column: str) -> bool:
        return "required" in json.loads(self.after.columns[column].rules or "{}")

    def of(self, *kinds: ChangeKind) -> tuple[str, ...]:
        """Return the columns with a change of one of these kinds."""
        return tuple(change.column for change in self.changes if change.kind in kinds)


def compare(before: TableForm, after: TableForm) -> Difference:
    """Return the difference between the form of a table and that of its contract.

    A column that vanished is the former name of a new one if a header of the one is a header or the name of the other.
    """
    vanished = {name: form for name, form in before.columns.items() if name not in after.columns}
    origin: dict[str, str] = {}
    changes: list[Change] = []
    for name, wanted in after.columns.items():
        former = before.columns.get(name) or _former(wanted, vanished)
        if former is None:
            changes.append(Change(ChangeKind.ADDED, name, after=wanted.type))
            if wanted.absent is not None:
                changes.append(Change(ChangeKind.FILLED, name, after=wanted.absent))
            if wanted.subject:
                changes.append(Change(ChangeKind.SUBJECT, name))
            continue
        vanished.pop(former.name, None)
        origin[name] = former.name
        changes += _column_changes(former, wanted)
    changes += [Change(ChangeKind.DROPPED, name, before=form.type) for name, form in vanished.items()]
    changes += [Change(ChangeKind.SUBJECT, name, before=name) for name, form in vanished.items() if form.subject]
    changes += [
        Change(ChangeKind.REFERENCE, name, before=form.reference) for name, form in vanished.items() if form.reference
    ]
    key = tuple(name for name in after.key if name in origin)
    if tuple(origin[name] for name in key) != before.key or key != after.key:
        changes.append(Change(ChangeKind.KEY, "", ", ".join(before.key) or "none", ", ".join(after.key) or "none"))
    if tuple(origin.get(name, name) for name in after.partition_by) != before.partition_by:
        parts = (", ".join(before.partition_by) or "none", ", ".join(after.partition_by) or "none")
        changes.append(Change(ChangeKind.PARTITION, "", *parts))
    return Difference(before, after, origin, tuple(changes))


def _former(wanted: ColumnForm, vanished: Mapping[str, ColumnForm]) -> ColumnForm | None:
    names = {wanted.name, *wanted.headers}
    found = [form for form in vanished.values() if names & {form.name, *form.headers}]
    return found[0] if len(found) == 1 else None


def _column_changes(before: ColumnForm, after: ColumnForm) -> Iterator[Change]:
    name = after.name
    if before.name != name:
        yield Change(ChangeKind.RENAMED, name, before.name, name)
    if before.type != after.type:
        yield Change(type_change(before.type, after.type), name, before.type, after.type)
    if before.encrypted != after.encrypted:
        yield Change(ChangeKind.ENCRYPTED if after.encrypted else ChangeKind.DECRYPTED, name)
    if before.token != after.token:
        yield Change(ChangeKind.TOKEN, name, _token(before.token), _token(after.token))
    if before.subject != after.subject:
        yield Change(ChangeKind.SUBJECT, name)
    if before.reference not in (None, after.reference):
        yield Change(ChangeKind.REFERENCE, name, before.reference or "", after.reference or "none")
    if before.absent != after.absent and after.absent is not None:
        yield Change(ChangeKind.FILLED, name, after=after.absent)
    if before.rules is not None and before.rules != after.rules:
        yield Change(ChangeKind.RULES, name, before.rules, after.rules or "")


def _token(kind: str | None) -> str:
    return "none" if kind is None else kind or "of an unknown kind"


def type_change(before: str, after: str) -> ChangeKind:
    """Return whether a change of type widens (every value fits), narrows (some may not), or converts the values.

    >>> type_change("decimal(10,2)", "decimal(12,4)").value, type_change("bigint", "int").value
    ('widened', 'narrowed')
    >>> type_change("date", "string").value
    'converted'
    """
    first, second = parse_type(before), parse_type(after)
    if second.name == "string":
        return ChangeKind.CONVERTED
    old, new = _digits(first), _digits(second)
    if old and new:
        # An integer type holds some, but not all numbers of its largest number of digits.
        largest = new[0] - (second.name != "decimal" and first.name == "decimal")
        return ChangeKind.WIDENED if largest >= old[0] and new[1] >= old[1] else ChangeKind.NARROWED
    if (first.name, second.name) in {("float", "double"), ("date", "timestamp_ntz")}:
        return ChangeKind.WIDENED
    return ChangeKind.NARROWED


def _digits(kind: SparkType) -> tuple[int, int] | None:
    """Return the most digits before and after the point of a type of exact numbers; None for other types."""
    if kind.name == "decimal":
        return kind.precision - kind.scale, kind.scale
    whole = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}.get(kind.name)
    return None if whole is None else (whole, 0)
