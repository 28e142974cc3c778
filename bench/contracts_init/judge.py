"""Compares what a drafted contract, or DuckDB's sniffer, reads from a file with the file's true rows."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from bench.generated_file.cell import Column
from bench.generated_file.generate import GeneratedFile
from pipelines.contracts.contract_draft import Draft, list_doubts
from pipelines.contracts.draft import draft_contract
from pipelines.contracts.draft_yaml import render_draft
from pipelines.contracts.file_sample import DraftError
from pipelines.contracts.rehearsal import parse_contract
from pipelines.ingest.batch_check import check_batch
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.source_file import open_source
from pipelines.ingest.value_rule import value_rules
from privacy.contract.fault import ContractError

SHOP = ZoneInfo("Asia/Seoul")
Rows = Mapping[str, Mapping[str, Any]]
# Types of DuckDB in which each logical type may be read.
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT|HUGEINT|INTEGER",
    "number": r"DOUBLE|BIGINT|DECIMAL.*",
    "boolean": "BOOLEAN|BIGINT",
    "date": "DATE",
    "timestamp": "TIMESTAMP.*",
}
# A whole number may be drafted as number, and 0 and 1 as integers: both keep the value, and the draft says so.
DRAFT_TYPES = {"boolean": "boolean|integer", "number": "number|integer"}


@dataclass(frozen=True)
class Verdict:
    """Whether a file was understood fully; `faults` say what was wrong.

    `is_doubted`: the draft lists the question. `is_split`: delimiter, quote character and header line are right.
    """

    faults: tuple[str, ...] = ()
    is_doubted: bool = False
    is_split: bool = False

    @property
    def is_right(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults


def judge_draft(file: GeneratedFile, path: Path) -> Verdict:
    """Return whether the draft of a file states its form, and whether a load with it gives the true rows."""
    try:
        drafted = draft_contract(path, "sale")
    except DraftError as error:
        return Verdict((f"no draft: {error}",), is_doubted=True)
    faults = [*_form_faults(file, drafted)]
    form = drafted.sample.form
    is_split = _is_split(file, form.delimiter, form.quote, form.header_row)
    doubted = {column.header for column in drafted.columns if any(list_doubts(drafted, column))}
    if drafted.rehearsal is not None and drafted.rehearsal.of_column(None):
        doubted.add(key_title(file))  # A row is missing, and the draft says that rows go to quarantine.
    guess = drafted.sample.encoding
    is_doubted = guess is not None and not guess.is_certain
    types = {column.header: column.profile.logical_type for column in drafted.columns}
    try:
        rows = _load(drafted, key_title(file))
    except ContractError:
        return Verdict(tuple(faults), is_doubted, is_split)
    wrong = _column_faults(file, types, rows, DRAFT_TYPES)
    faults += wrong.values()
    return Verdict(tuple(faults), is_doubted or (bool(wrong) and set(wrong) <= doubted), is_split)


def judge_sniffer(file: GeneratedFile, path: Path) -> Verdict:
    """Return whether DuckDB's sniffer finds the form of a CSV file, and whether its reader gives the true rows."""
    session = duckdb.connect()
    session.execute("SET TimeZone = 'Asia/Seoul'")
    is_split = False
    try:
        sniffed = session.sql(f"SELECT Delimiter, Quote, SkipRows, HasHeader FROM sniff_csv('{path}')").fetchall()
        [(delimiter, quote, skipped, has_header)] = sniffed
        is_split = has_header and _is_split(file, delimiter, quote, skipped + 1)
        found = session.sql(f"FROM read_csv('{path}')")
        types = {name: str(kind) for name, kind in zip(found.columns, found.types, strict=True)}
        table = found.to_arrow_table()
    except duckdb.Error as error:
        return Verdict((str(error).splitlines()[0][:80],), is_split=is_split)
    key = key_title(file)
    if key not in types:
        return Verdict(("header",), is_split=is_split)
    rows = {row[key]: {name: _plain(value) for name, value in row.items()} for row in table.to_pylist()}
    return Verdict(tuple(_column_faults(file, types, rows, DUCKDB_TYPES).values()), is_split=is_split)


def _form_faults(file: GeneratedFile, drafted: Draft) -> list[str]:
    form, truth = drafted.sample.form, file.form
    faults = []
    guess = drafted.sample.encoding
    text = file.content.decode(truth.codec)
    if guess is None or not guess.is_certain or file.content.decode(guess.codec, "replace") != text:
        faults.append(f"encoding {guess.stated if guess else None} instead of {truth.encoding}")
    if form.delimiter != truth.delimiter:
        faults.append(f"delimiter {form.delimiter!r} instead of {truth.delimiter!r}")
    if form.quote != truth.quote and "'" in text:
        faults.append(f"quote {form.quote} instead of {truth.quote}")
    if form.header_row != len(truth.titles) + 1:
        faults.append(f"headerRow {form.header_row} instead of {len(truth.titles) + 1}")
    if form.footer_rows != len(truth.footers):
        faults.append(f"footerRows {form.footer_rows} instead of {len(truth.footers)}")
    return faults


def _is_split(file: GeneratedFile, delimiter: str, quote: str, header_row: int) -> bool:
    form = file.form
    is_quoted = form.quote in file.content.decode(form.codec)
    is_quote = quote == form.quote or not is_quoted
    return delimiter == form.delimiter and is_quote and header_row == len(form.titles) + 1


def key_title(file: GeneratedFile) -> str:
    """Return the header of the column that names each row."""
    return next(column.title for column in file.columns if column.kind == "key")


def _load(drafted: Draft, key: str) -> Rows:
    contract = parse_contract(render_draft(drafted), drafted.name)
    options = LoadOptions()
    rules = value_rules(contract, options, datetime.datetime.now(datetime.UTC).replace(tzinfo=None))
    headers = {column.name: column.header for column in contract.columns}
    rows: dict[str, dict[str, Any]] = {}
    for landed in drafted.sample.files:
        for batch in open_source(landed, contract, options.max_line).batches():
            checked = check_batch(batch, contract, rules)
            kept = pa.array(checked.faults.is_sound)
            table = pa.table({headers[name]: values.filter(kept) for name, values in checked.columns.items()})
            rows |= {row[key]: row for row in table.to_pylist()}
    return rows


def _column_faults(
    file: GeneratedFile, types: Mapping[str, str], rows: Rows, allowed: Mapping[str, str]
) -> dict[str, str]:
    faults: dict[str, str] = {}
    for column in file.columns:
        kind = types.get(column.title, "missing")
        if not re.fullmatch(allowed.get(column.logical_type, column.logical_type), kind):
            faults[column.title] = f"{column.title} ({column.kind} {column.form}): {kind}"
    for row in file.rows:
        found = rows.get(row.key)
        if found is None:
            if row.is_sound:
                faults.setdefault(key_title(file), f"row {row.key} is missing")
            continue
        for column in file.columns:
            accepted = row.accepted[column.name]
            if accepted and not any(_is_equal(found.get(column.title), value) for value in accepted):
                what = f"{column.title} ({column.kind} {column.form}): {found.get(column.title)!r} for {accepted[0]!r}"
                faults.setdefault(column.title, what)
    return faults


def _is_equal(found: Any, true: Any) -> bool:
    if isinstance(true, bool) or true is None:
        return found is None if true is None else not isinstance(found, str | None) and bool(found) == true
    if isinstance(true, int | float | Decimal):
        is_number = isinstance(found, int | float | Decimal) and not isinstance(found, bool)
        return is_number and abs(float(found) - float(true)) <= 1e-9 * max(1.0, abs(float(true)))
    if isinstance(true, datetime.datetime) and isinstance(found, datetime.datetime):
        return abs(found - true) < datetime.timedelta(microseconds=2)
    return type(found) is type(true) and bool(found == true)


def _plain(value: Any) -> Any:
    """Return a time with zone as the shop's wall time."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(SHOP).replace(tzinfo=None)
    return value


__all__ = ["Column", "Verdict", "judge_draft", "judge_sniffer"]
