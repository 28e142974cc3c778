"""Lists what is in quarantine now, without the records, which may hold personal data. Needs no key and no engine."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from installation.lakehouse.lakehouse import Lakehouse

_COLUMNS = 'source, file, line, "column", rule, reason, quarantined_at'


QUARANTINE = "bronze/quarantine"
"""The table of rows and files that broke their contract."""


@dataclass(frozen=True)
class QuarantinedItem:
    """One row in quarantine, or one refused file; then `line` is None. `quarantined_at` is UTC without a zone."""

    source: str
    file: str
    line: int | None
    column: str | None
    rule: str
    reason: str
    quarantined_at: datetime.datetime


@dataclass(frozen=True)
class QuarantinedGroup:
    """The rows of one file that are in quarantine for the same reason, or one refused file.

    `line` is the first line, `rows` the number of rows; for a refused file they are None and 0. `quarantined_at` is the
    earliest time, in UTC without a zone.
    """

    source: str
    file: str
    line: int | None
    rows: int
    column: str | None
    rule: str
    reason: str
    quarantined_at: datetime.datetime

    @property
    def is_refused_file(self) -> bool:
        """Whether the whole file was refused."""
        return self.line is None


def quarantined_items(lakehouse: Lakehouse, source: str | None = None) -> list[QuarantinedItem]:
    """Return the rows and files that no load has loaded since: refused files first, then by source, file and line.

    A file that was refused under several contracts is one item, with its newest reason and its first time.
    """
    if not lakehouse.exists(QUARANTINE):
        return []
    chosen = "" if source is None else " AND source = '{}'".format(source.replace("'", "''"))
    found = lakehouse.select(QUARANTINE, f"file_id, {_COLUMNS}", f"replayed_load_id IS NULL{chosen}").to_pylist()
    rows = [QuarantinedItem(**_fields(entry)) for entry in found if entry["line"] is not None]
    files = _newest_refusals([entry for entry in found if entry["line"] is None])
    return sorted([*files, *rows], key=lambda item: (item.line is not None, item.source, item.file, item.line or 0))


def quarantined_groups(items: Sequence[QuarantinedItem]) -> list[QuarantinedGroup]:
    """Return the items by source, file, column, rule and reason: refused files first, then most rows first."""
    groups: dict[tuple[Any, ...], list[QuarantinedItem]] = {}
    for item in items:
        key = (item.line is None, item.source, item.file, item.column, item.rule, item.reason)
        groups.setdefault(key, []).append(item)
    found = [_group(members) for members in groups.values()]
    return sorted(found, key=lambda group: (not group.is_refused_file, -group.rows, group.source, group.file))


def _group(members: Sequence[QuarantinedItem]) -> QuarantinedGroup:
    lines = [member.line for member in members if member.line is not None]
    first = min(members, key=lambda member: member.quarantined_at)
    return QuarantinedGroup(**asdict(first) | {"line": min(lines, default=None)}, rows=len(lines))


def _newest_refusals(entries: Sequence[dict[str, Any]]) -> list[QuarantinedItem]:
    newest: dict[tuple[str, str], QuarantinedItem] = {}
    for entry in sorted(entries, key=lambda entry: entry["quarantined_at"]):
        key = (entry["source"], entry["file_id"])
        since = newest[key].quarantined_at if key in newest else entry["quarantined_at"]
        newest[key] = QuarantinedItem(**_fields(entry) | {"quarantined_at": since})
    return list(newest.values())


def _fields(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "file_id"}
