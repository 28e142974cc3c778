"""Holds the result of loading one source: numbers of files and rows, event days, faults."""

import datetime
from dataclasses import dataclass

from pipelines.ingest.drift import DriftEvent
from pipelines.ingest.quarantine import RefusedFile


@dataclass(frozen=True)
class LoadResult:
    """The result of loading one source.

    `rows_read` = `rows_added` + `rows_quarantined` + `rows_known`, over the files that could be read.

    Attributes:
        rows_known: rows that the table already had.
        rows_suppressed: rows of erased persons, which were left out. They count in no other number.
        rows_replaced: rows of a database table that a newer row of the same key replaced.
        rows_deleted: rows that were deleted because the database table does not have their key any more.
        days: event days of the added rows. Late events give past days, which derived tables must refresh.
        faults: messages about files that could not be read, and notes about files that could. They hold no values
            of rows.
        refused: the files in the landing folder that could not be loaded, also those of earlier runs.
        notes: those of `faults` that are about loaded or waiting files.
        drift: differences between the fields of the loaded files and the contract; a refused file has none.
        waiting: names of files that were not loaded yet, because they may still be being written. They are no failure.
        seconds: duration of the load.
    """

    source: str
    load_id: str
    files_seen: int = 0
    files_new: int = 0
    rows_read: int = 0
    rows_added: int = 0
    rows_quarantined: int = 0
    rows_known: int = 0
    rows_suppressed: int = 0
    rows_replaced: int = 0
    rows_deleted: int = 0
    days: tuple[datetime.date, ...] = ()
    faults: tuple[str, ...] = ()
    refused: tuple[RefusedFile, ...] = ()
    notes: tuple[str, ...] = ()
    drift: tuple[DriftEvent, ...] = ()
    waiting: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def is_changed(self) -> bool:
        """Whether the load added rows to the bronze table, or deleted some."""
        return self.rows_added + self.rows_deleted > 0
