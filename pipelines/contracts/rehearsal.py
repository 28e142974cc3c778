"""Loads a file with its drafted contract, without writing, and counts the rows that ingest would quarantine.

A draft states only what this load has shown. Limits that were guessed from the first rows and that later rows break are
relaxed, so that they quarantine no valid row.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from installation.contract.document import Contract, load_contracts
from pipelines.contracts.file_sample import Sample
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.batch_check import CheckedBatch
from pipelines.ingest.batch_preparation import check_rows
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.future_event import count_future
from pipelines.ingest.landing import LandedFile
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.row_hash import hash_rows
from pipelines.ingest.source_file import CONTENT_ERRORS, check_safely, open_source, read_safely
from pipelines.ingest.source_load import MAX_BROKEN_ROWS
from pipelines.ingest.value_rule import value_rules
from privacy.contract.zone import read_zone

# Enough for a minute of reading. Of larger files the draft says how many rows were loaded on trial.
MAX_ROWS = 2_000_000


@dataclass(frozen=True)
class RowProblem:
    """Why rows go to quarantine: the first rule that they break. `column` is None for a whole row."""

    column: str | None
    rule: str
    reason: str


@dataclass(frozen=True)
class Rehearsal:
    """The result of a trial load.

    Attributes:
        rows: number of rows read.
        problems: number of rows that would go to quarantine, by their problem.
        future: number of rows whose event time lies in the future.
        refusal: why the file as a whole would be refused; "" if it would be loaded.
        is_whole: whether all rows of the file were read.
    """

    rows: int = 0
    problems: Mapping[RowProblem, int] = field(default_factory=dict)
    refusal: str = ""
    refused_column: str | None = None
    future: int = 0
    is_whole: bool = True

    @property
    def quarantined(self) -> int:
        """Number of rows that would go to quarantine."""
        return sum(self.problems.values())

    def of_column(self, name: str | None) -> dict[RowProblem, int]:
        """Return the problems of one column; None means those of whole rows."""
        return {problem: count for problem, count in self.problems.items() if problem.column == name}


def rehearse(draft_text: str, sample: Sample, name: str, event_time: str | None, options: LoadOptions) -> Rehearsal:
    """Return what a load of the sampled file with this contract would quarantine.

    `event_time` is the column whose times in the future are counted; they break no rule until the rows are events.
    """
    contract = parse_contract(draft_text, name)
    now = datetime.now(UTC)
    today = options.reference_date or now.astimezone(read_zone(options.time_zone)).date()
    rules = value_rules(contract, options, now.replace(tzinfo=None))
    counts: Counter[RowProblem] = Counter()
    rows = future = 0
    is_whole = True
    try:
        for batch in _batches(sample.files, contract, options.max_line):
            checked = check_safely(batch, lambda given: check_rows(given, contract, rules, today))
            _refuse_unstorable(checked, batch.rows)
            rows += batch.rows
            future += count_future(checked.columns.get(event_time or ""), today)
            for code, fault in enumerate(checked.faults.meanings, 1):
                counts[RowProblem(fault.column, fault.rule, fault.reason)] += int((checked.faults.codes == code).sum())
            if counts.total() > MAX_BROKEN_ROWS:
                reason = f"more than {MAX_BROKEN_ROWS} rows break the contract"
                return Rehearsal(rows, dict(counts), reason, None, future, False)
            if rows >= MAX_ROWS:
                is_whole = False
                break
    except FileFaultError as fault:
        return Rehearsal(rows, dict(counts), fault.reason, fault.column, future, is_whole)
    return Rehearsal(rows, dict(+counts), "", None, future, is_whole)


def _refuse_unstorable(checked: CheckedBatch, rows: int) -> None:
    """Raise the fault of a column whose values bronze cannot hash, which a load refuses, too."""
    for name, values in checked.columns.items():
        try:
            hash_rows({name: values[:1]}, min(rows, 1))
        except CONTENT_ERRORS as error:
            reason = f"column {name} of type {values.type} cannot be stored"
            raise FileFaultError("type", reason, None, name) from error


def _batches(files: Iterable[LandedFile], contract: Contract, max_line: int) -> Iterator[RawBatch]:
    for file in files:
        yield from read_safely(open_source(file, contract, max_line))


def parse_contract(text: str, name: str) -> Contract:
    """Return the contract of a draft's text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"source_{name}.odcs.yaml"
        path.write_text(text, encoding="utf-8")
        return load_contracts([Path(folder)]).source(name)
