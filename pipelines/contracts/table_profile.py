"""Profiles all columns of a sample together: texts that mean null and separators are the same in a whole file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.contracts.column_profile import ColumnHint, Profile, profile_column
from pipelines.contracts.file_sample import Sample
from pipelines.contracts.null_guess import NullGuess, guess_nulls, may_be_null
from pipelines.contracts.number_guess import FileHint, proven_decimals
from pipelines.contracts.time_guess import TimeHint, order_of


def profile_columns(sample: Sample, names: Mapping[str, str]) -> tuple[dict[str, Profile], NullGuess]:
    """Return the profile of each column by its header, and the texts that mean null. `names` are the column names.

    The columns are profiled twice: first without any text that may mean null; then with what the first pass has shown.
    """
    possible = {column.header: _possible_nulls(column.values) for column in sample.columns}
    every = frozenset(text for found in possible.values() for text in found)
    today = datetime.now(UTC)
    hints = {header: TimeHint(frozenset(name.split("_")), today) for header, name in names.items()}
    first = {
        column.header: profile_column(column, ColumnHint(names[column.header], every, hints[column.header]))
        for column in sample.columns
    }
    typed = frozenset(header for header, profile in first.items() if profile.texts and profile.logical_type != "string")
    nulls = guess_nulls(possible, typed) if sample.format != "parquet" else NullGuess()
    numbers = proven_decimals(profile.reading for profile in first.values())
    if numbers == FileHint() and sample.form.delimiter == ";":
        # Programs separate by semicolons in countries in which the comma is the decimal sign.
        numbers = FileHint(frozenset({","}), "files with semicolons between columns mostly have a decimal comma")
    orders = {order for profile in first.values() if (order := order_of(profile.reading)) is not None}
    day_first = orders.pop() if len(orders) == 1 else None
    if set(nulls.values) == every and day_first is None and numbers == FileHint():
        return first, nulls
    second = {}
    for column in sample.columns:
        words = hints[column.header].words
        hint = ColumnHint(names[column.header], frozenset(nulls.values), TimeHint(words, today, day_first), numbers)
        second[column.header] = profile_column(column, hint)
    return second, nulls


def _possible_nulls(values: pa.Array) -> frozenset[str]:
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return frozenset()
    return frozenset(text for text in pc.unique(values).to_pylist() if text is not None and may_be_null(text))
