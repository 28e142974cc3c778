"""Loads generated files whose true rows are known: each row is true, in quarantine, or refused with its file.

A fault names the seed of its file; `bench.generated_file.generate.generate(seed)` draws the same file again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.generated_file.flaw import TrueRow
from bench.generated_file.generate import generate
from pipelines.ingest import json_document, json_lines_file, parquet_file, text_lines, text_rows
from tests.pipelines.ingest.generated_load import Whole, read_and_check
from tests.pipelines.ingest.judge import judge
from tests.pipelines.ingest.planted_bug import BUGS, Plant
from tests.protection import open_protection_in

FILES = 3000
PARTS = 6
WHOLE_LOADS = 150
# A planted bug must be found within so many files.
SEARCHED = 400
SMALL_BATCHES = 200
# Faults that a user would not see: a wrong, repeated, invented or lost row.
SILENT = r": loaded |loaded \d+ times|no such row|not loaded|neither loaded"


def find_faults(seeds: Iterable[int], folder: Path, *, is_plain: bool = False) -> Iterator[str]:
    """Read and check the files of the seeds; yield a message for each file with faults."""
    protection = open_protection_in(folder / "secret")
    for seed in seeds:
        file = generate(seed, is_plain=is_plain)
        faults = judge(file, read_and_check(file, folder, protection), protection.tokens)
        if faults:
            yield f"{file.describe()}\n  " + "\n  ".join(faults[:5])


def test_plain_files_are_loaded_as_they_are(tmp_path: Path) -> None:
    assert list(find_faults(range(200), tmp_path, is_plain=True)) == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_row_of_generated_files_is_silently_wrong(tmp_path: Path, part: int) -> None:
    assert list(find_faults(range(part, FILES, PARTS), tmp_path)) == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7])
def test_rows_at_the_ends_of_batches_are_neither_lost_nor_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for module in (text_rows, json_lines_file):
        monkeypatch.setattr(module, "TEXT_BATCH_ROWS", size)
    for module in (text_lines, json_document):
        monkeypatch.setattr(module, "CHUNK_CHARACTERS", 5 * size)
    monkeypatch.setattr(parquet_file, "BATCH_ROWS", size)
    assert list(find_faults(range(SMALL_BATCHES), tmp_path)) == []


@pytest.mark.slow
def test_loaded_tables_hold_the_true_rows_and_a_second_load_adds_none(tmp_path: Path) -> None:
    protection = open_protection_in(tmp_path / "secret")
    found = []
    for seed in range(FILES, FILES + WHOLE_LOADS):
        file = generate(seed)
        whole = Whole(file, tmp_path / str(seed), protection)
        result, outcome = whole.load()
        faults = judge(file, outcome, protection.tokens)
        again, second = whole.load()
        if again.rows_added and not result.waiting:
            faults.append("a second load adds rows")
        if file.traits == ("no_last_line_end",) and result.waiting:
            # The second look has seen the file unchanged: its last row is whole.
            faults += judge(replace(file, rows=_whole(file.rows)), second, protection.tokens)
        if faults:
            found.append(f"{file.describe()}\n  " + "\n  ".join(faults[:5]))
    assert found == []


def _whole(rows: tuple[TrueRow, ...]) -> tuple[TrueRow, ...]:
    return tuple(replace(row, is_whole=True) for row in rows)


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_a_planted_reader_bug_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    plant(monkeypatch)
    wrong = (message for message in find_faults(range(SEARCHED), tmp_path) if re.search(SILENT, message))
    assert next(wrong, None) is not None
