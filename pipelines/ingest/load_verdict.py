"""Judges the loads of a source: its refused files, and the share of rows in quarantine against the contract's limit.

The judgement is of the tables as they are, so that a run without new files repeats it. A load counts until the next
load of the same source; rows that were replayed or deleted since then no longer count as quarantined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from installation.quality.quarantine_content import QUARANTINE
from pipelines.ingest.bronze import BronzeTable, LoadFigures
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.quarantine import RefusedFile

NAMED_REASONS = 3
"""How many reasons a message names. The check of the asset lists all of them."""


@dataclass(frozen=True)
class BrokenRows:
    """The rows of one file that are in quarantine for the same reason. `first_line` is the smallest line."""

    file: str
    column: str | None
    rule: str
    reason: str
    rows: int
    first_line: int

    @property
    def message(self) -> str:
        """The file, the first line, the column and the reason in one line."""
        lines = f"line {self.first_line}" + (f" and {self.rows - 1:,} more" if self.rows > 1 else "")
        return f"{self.file}, {lines}: {f'{self.column}: ' if self.column else ''}{self.reason}"


@dataclass(frozen=True)
class LoadVerdict:
    """The judgement of a source's landed files.

    Attributes:
        source: name of the source.
        limit: percent of the rows of a load that may be in quarantine, from the contract.
        refused: the files in the landing folder that could not be loaded.
        broken: the quarantined rows of the newest load; most rows first.
        rows_read: rows of the newest load, loaded or not.
        rows_quarantined: those of them that are in quarantine now.
        notes: what else the load of this run found: columns that differ from the contract, files that wait.
    """

    source: str
    limit: float
    refused: tuple[RefusedFile, ...] = ()
    broken: tuple[BrokenRows, ...] = ()
    rows_read: int = 0
    rows_quarantined: int = 0
    notes: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Percent of the rows of the newest load that are in quarantine.

        >>> LoadVerdict("visit", limit=1.0, rows_read=8, rows_quarantined=1).share
        12.5
        """
        return 100 * self.rows_quarantined / self.rows_read if self.rows_read else 0.0

    @property
    def is_over_limit(self) -> bool:
        """Whether the share is above the limit."""
        return self.share > self.limit

    @property
    def faults(self) -> tuple[str, ...]:
        """Messages that make the run unsuccessful: one for each refused file, and one for a share above the limit."""
        over = (f"{self._quarantined}, more than the {self.limit:g} % of quarantineLimit. {self._reasons}",)
        return (*(file.message for file in self.refused), *(over if self.is_over_limit else ()))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Messages that do not make the run unsuccessful: quarantined rows within the limit, and notes."""
        below = self.rows_quarantined and not self.is_over_limit
        return (*((f"{self._quarantined}. {self._reasons}",) if below else ()), *self.notes)

    @property
    def _quarantined(self) -> str:
        return f"{self.rows_quarantined:,} of {self.rows_read:,} rows ({self.share:.3g} %) are in quarantine"

    @property
    def _reasons(self) -> str:
        named = "; ".join(rows.message for rows in self.broken[:NAMED_REASONS])
        left = len(self.broken) - NAMED_REASONS
        more = f"; {left} more reasons" if left > 0 else ""
        return f"{named}{more}" if named else f"See `bojagi quarantine show {self.source}`"


def judge_loads(contract: Contract, lakehouse: Lakehouse, result: LoadResult) -> LoadVerdict:
    """Return the judgement of a source after this run's load of it. The contract must name files."""
    return _judge(contract, lakehouse, result.refused, result.notes)


def judge_tables(contract: Contract, lakehouse: Lakehouse, refused: Sequence[RefusedFile]) -> LoadVerdict:
    """Return the judgement of a source that was not loaded in this run, from its tables."""
    return _judge(contract, lakehouse, tuple(refused), ())


def _judge(
    contract: Contract, lakehouse: Lakehouse, refused: tuple[RefusedFile, ...], notes: tuple[str, ...]
) -> LoadVerdict:
    assert contract.file is not None
    limit, figures = contract.file.quarantine_limit, BronzeTable(contract, lakehouse).newest_load()
    if figures is None or not figures.rows_quarantined:
        rows_read = figures.rows_read if figures else 0
        return LoadVerdict(contract.name, limit, refused, rows_read=rows_read, notes=notes)
    entries = _row_entries(contract, lakehouse)
    still = _still_quarantined(figures, entries)
    of_load = [entry for entry in entries if entry["load_id"] == figures.load_id and not entry["replayed_load_id"]]
    return LoadVerdict(contract.name, limit, refused, _grouped(of_load), figures.rows_read, still, notes)


def _still_quarantined(figures: LoadFigures, entries: Sequence[dict[str, Any]]) -> int:
    """Return how many quarantined rows of the load have been neither replayed nor deleted.

    A row that an earlier load had already quarantined has no second entry, so the entries of the load may be fewer.
    """
    replayed = sum(entry["load_id"] == figures.load_id and entry["replayed_load_id"] is not None for entry in entries)
    waiting = sum(entry["replayed_load_id"] is None for entry in entries)
    return int(min(figures.rows_quarantined - replayed, waiting))


def _row_entries(contract: Contract, lakehouse: Lakehouse) -> list[dict[str, Any]]:
    if not lakehouse.exists(QUARANTINE):
        return []
    columns = 'file, line, "column", rule, reason, load_id, replayed_load_id'
    rows: list[dict[str, Any]] = lakehouse.select(
        QUARANTINE, columns, f"source = '{contract.name}' AND line IS NOT NULL"
    ).to_pylist()
    return rows


def _grouped(entries: Sequence[dict[str, Any]]) -> tuple[BrokenRows, ...]:
    lines: dict[tuple[str, str | None, str, str], list[int]] = {}
    for entry in entries:
        key = (entry["file"], entry["column"], entry["rule"], entry["reason"])
        lines.setdefault(key, []).append(entry["line"])
    groups = [BrokenRows(*key, len(found), min(found)) for key, found in lines.items()]
    return tuple(sorted(groups, key=lambda group: (-group.rows, group.file, group.first_line)))
