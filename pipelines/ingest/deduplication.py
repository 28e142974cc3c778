"""Removes from a load, before its commit, the rows that the bronze table already has."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

import pyarrow as pa

from pipelines.ingest.batch_preparation import event_days
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.known_row import Hashes, find_known
from pipelines.ingest.staging_area import StagedFile, StagingArea
from pipelines.ingest.stored_hash import hashed_columns, is_keyed, row_hashes


class Deduplication:
    """Collects the staged data files of one load. `kept` lists the files to commit."""

    def __init__(self, table: BronzeTable, event_column: str | None) -> None:
        self.table = table
        self.event_column = event_column
        self.kept: list[StagedFile] = []
        self._staging_areas: list[StagingArea] = []

    def new_staging_area(self) -> StagingArea:
        """Return a new staging area whose files `discard_unless_committed` removes if the load fails."""
        staging = self.table.new_staging_area()
        self._staging_areas.append(staging)
        return staging

    def discard_unless_committed(self) -> None:
        """Remove all staged files, unless they were committed before a later step failed."""
        if not self.table.lists(self.kept):
            for staging in self._staging_areas:
                staging.discard()

    def keep_new(self, staging: StagingArea, days: set[datetime.date]) -> tuple[int, int, set[datetime.date]]:
        """Keep the rows of a finished staging area that neither the table nor an earlier file of this load has.

        Args:
            staging: the finished staging area of one file.
            days: event days of all its rows.

        Returns:
            The number of new rows, the number of known rows, and the event days of the new rows.
        """
        rows = sum(file.rows for file in staging.files)
        is_unique = is_keyed(self.table.contract)
        rivals = [old for old in self.kept if is_unique or any(old.may_share_rows(new) for new in staging.files)]

        def known() -> Iterator[Hashes]:
            yield from self.table.hashes(staging.files)
            yield from self._hashes(staging, rivals)

        if not rows or (not is_unique and not any(len(low) for low, _ in known())):
            self.kept += staging.files
            return rows, 0, days
        is_known = find_known(self._hashes(staging, staging.files), rows, known(), is_unique=is_unique)
        if not is_known.any():
            self.kept += staging.files
            return rows, 0, days
        kept = self.new_staging_area()
        days = set()
        done = 0
        for batch in _rows(staging):
            passed = batch.filter(pa.array(~is_known[done : done + batch.num_rows]))
            done += batch.num_rows
            days |= event_days(passed, self.event_column)
            kept.write(passed)
        self.kept += kept.finish()
        staging.discard()
        known_rows = int(is_known.sum())
        return rows - known_rows, known_rows, days

    def _hashes(self, staging: StagingArea, files: Iterable[StagedFile]) -> Iterator[Hashes]:
        contract = self.table.contract
        for file in files:
            for batch in staging.read(file, hashed_columns(contract)):
                yield row_hashes(contract, batch)


def _rows(staging: StagingArea) -> Iterator[pa.RecordBatch]:
    for file in staging.files:
        yield from staging.read(file)
