"""Describes columns and reads files that a test writes by hand; see the fixture `load`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from bench.generated_file.cell import Cell, Column
from bench.generated_file.contract_text import write_contract
from bench.generated_file.file_form import FileForm
from bench.generated_file.flaw import TrueRow
from bench.generated_file.generate import GeneratedFile
from privacy.protection.source_person import Protection
from tests.pipelines.ingest.generated_load import read_and_check
from tests.pipelines.ingest.judge import Outcome

STAMP = "timestamp_ntz"
LOGICAL = {
    "string": "string",
    "int": "integer",
    "bigint": "integer",
    "double": "number",
    "boolean": "boolean",
    "date": "date",
    STAMP: "timestamp",
    "array<string>": "array",
}
Load = Callable[..., Outcome]


def no_cell(rng: Random) -> Cell:
    raise AssertionError("the values of these files are written by hand")


def column(name: str, spark_type: str = "string", *, is_required: bool = False, **facts: Any) -> Column:
    """Return a column; facts are logicalTypeOptions (format, timezone, …) and Bojagi's properties."""
    logical = LOGICAL.get(spark_type, "number")
    options = {key: facts.pop(key) for key in ("format", "timezone", "defaultTimezone") if key in facts}
    return Column(name, "hand", "", logical, spark_type, no_cell, options, facts, is_required=is_required)


def read_file(
    folder: Path, protection: Protection, content: bytes, columns: list[Column], form: FileForm, name: str | None = None
) -> Outcome:
    """Read and check a file by a contract with these columns and this form."""
    rows: tuple[TrueRow, ...] = ()
    contract = write_contract(columns, form)
    file = GeneratedFile(0, name or f"a{form.suffix}", content, contract, tuple(columns), form, rows)
    return read_and_check(file, folder, protection)
