"""Loads a file with its drafted contract, without writing, and counts the rows that ingest would quarantine.

A draft states only what this load has shown. Limits that were guessed from the first rows and that later rows break are
relaxed, so that they quarantine no valid row.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from installation.contract.document import Contract, load_contracts
from pipelines.contracts.file_sample import Sample
from pipelines.ingest.batch_check import check_batch
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.source_file import check_safely, open_source, read_safely
from pipelines.ingest.value_rule import value_rules

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
        refusal: why the file as a whole would be refused; "" if it would be loaded.
        is_whole: whether all rows of the file were read.
    """

    rows: int = 0
    problems: Mapping[RowProblem, int] = field(default_factory=dict)
    refusal: str = ""
    refused_column: str | None = None
    is_whole: bool = True

    @property
    def quarantined(self) -> int:
        """Number of rows that would go to quarantine."""
        return sum(self.problems.values())

    def of_column(self, name: str | None) -> dict[RowProblem, int]:
        """Return the problems of one column; None means those of whole rows."""
        return {problem: count for problem, count in self.problems.items() if problem.column == name}


def rehearse(sample: Sample, contract_text: str, name: str, options: LoadOptions) -> Rehearsal:
    """Return what a load of the sampled file with this contract would quarantine."""
    contract = parse_contract(contract_text, name)
    rules = value_rules(contract, options, datetime.now(UTC).replace(tzinfo=None))
    counts: Counter[RowProblem] = Counter()
    rows, is_whole = 0, True
    try:
        for file in sample.files:
            for batch in read_safely(open_source(file, contract, options.max_line)):
                checked = check_safely(batch, lambda given: check_batch(given, contract, rules))
                rows += batch.rows
                for code, fault in enumerate(checked.faults.meanings, 1):
                    counts[RowProblem(fault.column, fault.rule, fault.reason)] += int(
                        (checked.faults.codes == code).sum()
                    )
                if rows >= MAX_ROWS:
                    is_whole = False
                    break
    except FileFaultError as fault:
        return Rehearsal(rows, dict(counts), fault.reason, fault.column, is_whole)
    return Rehearsal(rows, {problem: count for problem, count in counts.items() if count}, is_whole=is_whole)


def parse_contract(text: str, name: str) -> Contract:
    """Return the contract of a draft's text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"source_{name}.odcs.yaml"
        path.write_text(text, encoding="utf-8")
        return load_contracts([Path(folder)]).source(name)
