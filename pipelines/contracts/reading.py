"""Holds one way to read the values of a column, and counts with the readers of ingest the values that do not fit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pyarrow as pa

from pipelines.ingest.type_cast import UncastableError, cast_column
from privacy.contract.arrow_type import arrow_type
from privacy.contract.column import Column, NumberFormat


@dataclass(frozen=True)
class Reading:
    """A type with the properties that say how values are read.

    Attributes:
        options: the contract's `logicalTypeOptions` except bounds.
        custom: Bojagi's properties: `timeUnit`, `yearPivot`, `numberFormat`.
        evidence: the reason for the guess; contains no value of the column.
        doubts: questions that the values do not answer.
    """

    logical_type: str
    spark_type: str
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    evidence: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def column(self) -> Column:
        """A contract column that reads values in this way."""
        form = self.custom.get("numberFormat")
        return Column(
            name="value",
            header="value",
            logical_type=self.logical_type,
            spark_type=self.spark_type,
            category="dpv:NonPersonalData",
            date_format=self.options.get("format"),
            has_zone=bool(self.options.get("timezone", False)),
            time_zone=self.options.get("defaultTimezone"),
            time_unit=cast(Any, self.custom.get("timeUnit")),
            year_pivot=self.custom.get("yearPivot"),
            number_format=None if form is None else NumberFormat(**{**form, **_tuples(form)}),
        )


TEXT = Reading("string", "string")


def count_misfits(reading: Reading, values: Sequence[str] | pa.Array) -> int:
    """Return how many values ingest would not read in this way; all of them if it cannot read the type from text."""
    array = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    try:
        found = cast_column(array, arrow_type(reading.spark_type), reading.column.date_format)
    except (UncastableError, ValueError):
        return len(array)
    return int(found.wrong.sum())


def _tuples(form: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(form[key]) for key in ("currency", "negative") if key in form}
