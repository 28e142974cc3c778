"""Faults of readers that are planted to see that the generated files find them; each loads wrong values silently."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from installation.contract.document import FileFormat
from pipelines.ingest import batch_preparation, csv_file, type_cast
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.cast_result import CastColumn, sound
from pipelines.ingest.value_rule import ValueRule, ZoneRule
from privacy.contract.column import NumberFormat

Plant = Callable[[pytest.MonkeyPatch], None]


def _change_rules(patch: pytest.MonkeyPatch, change: Callable[[ValueRule], ValueRule]) -> None:
    """Let the readers see changed rules of each column."""
    original = batch_preparation.value_rules

    def changed(*arguments: Any) -> dict[str, ValueRule]:
        return {name: change(rule) for name, rule in original(*arguments).items()}

    patch.setattr(batch_preparation, "value_rules", changed)


def drop_zones(patch: pytest.MonkeyPatch) -> None:
    """Take every time as the shop's wall time."""
    _change_rules(patch, lambda rule: replace(rule, zones=ZoneRule(rule.zones.shop, rule.zones.shop)))


def read_decimal_comma_as_thousands(patch: pytest.MonkeyPatch) -> None:
    """Read 1,50 as 150: the separators of the contract are exchanged and grouping is not checked."""

    def change(rule: ValueRule) -> ValueRule:
        if rule.number_format is None or rule.number_format.decimal != ",":
            return rule
        return replace(rule, number_format=NumberFormat(decimal=".", thousands=","))

    _change_rules(patch, change)
    patch.setattr("pipelines.ingest.number_text.plain_number", lambda text, form: text.replace(",", ""))
    patch.setattr("pipelines.ingest.value_parser.plain_number", lambda text, form: text.replace(",", ""))


def count_seconds_as_milliseconds(patch: pytest.MonkeyPatch) -> None:
    """Read seconds since 1970 as milliseconds: all times lie in 1970."""

    def change(rule: ValueRule) -> ValueRule:
        return replace(rule, time_unit="milliseconds") if rule.time_unit == "seconds" else rule

    _change_rules(patch, change)


def ignore_year_pivot(patch: pytest.MonkeyPatch) -> None:
    """Put all two-digit years into the twentieth century."""
    _change_rules(patch, lambda rule: replace(rule, year_pivot=rule.year_pivot and 0))


def lose_leading_zeros(patch: pytest.MonkeyPatch) -> None:
    """Read 0150 as 150."""
    original = batch_preparation.check_batch

    def strip(values: pa.Array) -> pa.Array:
        return pc.replace_substring_regex(values, "^0+", "") if pa.types.is_string(values.type) else values

    def check(batch: RawBatch, *arguments: Any) -> Any:
        stripped = {name: strip(values) for name, values in batch.columns.items()}
        return original(replace(batch, columns=stripped), *arguments)

    patch.setattr(batch_preparation, "check_batch", check)


def read_latin_1_as_cp949(patch: pytest.MonkeyPatch) -> None:
    """Read Western letters as Hangul."""
    codec = FileFormat.codec
    assert isinstance(codec, property)
    patch.setattr(
        FileFormat, "codec",
        property(lambda form: "cp949" if form.encoding in ("ISO-8859-1", "CP1252") else codec.__get__(form)),
    )  # fmt: skip


def take_quotes_literally(patch: pytest.MonkeyPatch) -> None:
    """Split quoted fields at the delimiters and line ends in them."""
    reader = csv.reader

    class Csv:
        """The csv module with a reader that does not know quotes."""

        def __getattr__(self, name: str) -> Any:
            return getattr(csv, name)

        def reader(self, lines: Any, **options: Any) -> Any:
            return reader(lines, delimiter=options["delimiter"], quoting=csv.QUOTE_NONE)

    patch.setattr(csv_file, "csv", Csv())


def render_identifiers_as_floats(patch: pytest.MonkeyPatch) -> None:
    """Write the identifier 100000001 as 100000001.0."""

    def render(values: pa.Array, rule: ValueRule) -> CastColumn:
        return sound(pa.array([None if value is None else repr(value) for value in values.to_pylist()], pa.string()))

    patch.setattr(type_cast, "numbers_to_text", render)


def lose_the_last_row(patch: pytest.MonkeyPatch) -> None:
    """Leave out the last row of each file without a word."""
    original = csv_file.CsvFile.batches

    def batches(reader: csv_file.CsvFile) -> Iterator[RawBatch]:
        for batch in original(reader):
            columns = {name: values[:-1] for name, values in batch.columns.items()}
            faults = replace(batch.faults, codes=batch.faults.codes[:-1])
            yield replace(batch, columns=columns, lines=batch.lines[:-1], faults=faults)

    patch.setattr(csv_file.CsvFile, "batches", batches)


def repeat_the_first_row(patch: pytest.MonkeyPatch) -> None:
    """Load the first row of each batch twice."""
    original = csv_file.CsvFile.batches

    def batches(reader: csv_file.CsvFile) -> Iterator[RawBatch]:
        for batch in original(reader):
            yield batch
            columns = {name: values[:1] for name, values in batch.columns.items()}
            faults = replace(batch.faults, codes=batch.faults.codes[:1])
            yield replace(batch, columns=columns, lines=batch.lines[:1], faults=faults)

    patch.setattr(csv_file.CsvFile, "batches", batches)


def forget_faults(patch: pytest.MonkeyPatch) -> None:
    """Load rows with values that could not be read: they become null."""
    original = batch_preparation.check_batch

    def check(*arguments: Any) -> Any:
        checked = original(*arguments)
        faults = replace(checked.faults, codes=checked.faults.codes * 0)
        return replace(checked, faults=faults)

    patch.setattr(batch_preparation, "check_batch", check)


BUGS: tuple[Plant, ...] = (
    drop_zones, read_decimal_comma_as_thousands, count_seconds_as_milliseconds, ignore_year_pivot, lose_leading_zeros,
    read_latin_1_as_cp949, take_quotes_literally, render_identifiers_as_floats, lose_the_last_row,
    repeat_the_first_row, forget_faults,
)  # fmt: skip
