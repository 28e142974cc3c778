"""Leaves out the rows that the table holds already, before they are committed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

import pyarrow as pa

from pipelines.ingest.bronze import BronzeTable, column_words
from pipelines.ingest.known_row import Hashes, find_known
from pipelines.ingest.prepare import event_days
from pipelines.ingest.stage import Stage, StagedFile
from privacy.protection.source_person import HASH_COLUMNS


class Deduplication:
    """Collects the data files of one load. `kept` are those to commit."""

    def __init__(self, table: BronzeTable, event_column: str | None) -> None:
        self.table = table
        self.event_column = event_column
        self.kept: list[StagedFile] = []
        self._stages: list[Stage] = []

    def new_stage(self) -> Stage:
        """A stage that `discard` knows of."""
        stage = self.table.new_stage()
        self._stages.append(stage)
        return stage

    def discard_unless_committed(self) -> None:
        """Remove all staged files; but a commit may have been made although something after it failed."""
        if not self.table.lists(self.kept):
            for stage in self._stages:
                stage.discard()

    def keep_new(self, stage: Stage, days: set[datetime.date]) -> tuple[int, int, set[datetime.date]]:
        """Keep a finished stage's rows, less those that the table or an earlier file of this load holds.

        `days` are those of all staged rows. Returns the numbers of new and known rows and the new rows'
        days.
        """
        rows = sum(file.rows for file in stage.files)
        rivals = [old for old in self.kept if any(old.may_share_rows(new) for new in stage.files)]

        def fresh() -> Iterator[Hashes]:
            return _hashes(stage, stage.files)

        def known() -> Iterator[Hashes]:
            yield from self.table.hashes(stage.files)
            yield from _hashes(stage, rivals)

        if not rows or not any(len(low) for low, _ in known()):
            self.kept += stage.files
            return rows, 0, days
        is_known = find_known(fresh, rows, known)
        if not is_known.any():
            self.kept += stage.files
            return rows, 0, days
        kept = self.new_stage()
        days = set()
        done = 0
        for batch in _rows(stage):
            passed = batch.filter(pa.array(~is_known[done : done + batch.num_rows]))
            done += batch.num_rows
            days |= event_days(passed, self.event_column)
            kept.write(passed)
        self.kept += kept.finish()
        stage.discard()
        known_rows = int(is_known.sum())
        return rows - known_rows, known_rows, days


def _hashes(stage: Stage, files: Iterable[StagedFile]) -> Iterator[Hashes]:
    for file in files:
        for batch in stage.read(file, HASH_COLUMNS):
            yield column_words(batch, HASH_COLUMNS[0]), column_words(batch, HASH_COLUMNS[1])


def _rows(stage: Stage) -> Iterator[pa.RecordBatch]:
    for file in stage.files:
        yield from stage.read(file)
