"""Holds one way to read the values of a column, and reads values in this way with the readers of ingest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pyarrow as pa

from installation.contract.document import Contract
from pipelines.ingest.cast_result import UncastableError
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.type_cast import cast_column
from pipelines.ingest.value_rule import value_rules
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


def read_values(reading: Reading, values: pa.Array) -> tuple[pa.Array, int]:
    """Return the values as ingest reads them, with null for those it does not read, and the number of the latter.

    All values are null if ingest cannot read the type at all.
    """
    target = arrow_type(reading.spark_type)
    contract = Contract("source.sample", "sample", "source", "0", (reading.column,))
    rule = value_rules(contract, LoadOptions(), datetime.now(UTC).replace(tzinfo=None))["value"]
    try:
        found = cast_column(values, target, rule)
    except (UncastableError, ValueError):
        return pa.nulls(len(values), target), len(values) - values.null_count
    return found.values, int(found.wrong.sum())


def count_misfits(reading: Reading, values: Sequence[str] | pa.Array) -> int:
    """Return how many values ingest would not read in this way."""
    array = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return read_values(reading, array)[1]


def _tuples(form: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(form[key]) for key in ("currency", "negative") if key in form}
