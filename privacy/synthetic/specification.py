"""The specification of a synthesizer: public domain of each column, privacy parameters and constraints.

Every value of it is public: it comes from a contract or from a person, never from the rows. Its fields are the keys of
the YAML file that `bojagi synth fit --spec` reads.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scalar = str | int | bool
MOST_CELLS = 2_000
"""Most coarse values of one column. Pairs of such columns have four million cells, each with its own noise."""

_LARGEST = 1e15


class Part(BaseModel):
    """A part of a specification: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Category(Part):
    """A column with listed values. Any other value counts as `other`; without `other`, its row is left out."""

    kind: Literal["category"] = "category"
    values: tuple[Scalar, ...] = Field(min_length=1, max_length=MOST_CELLS)
    other: str | None = None
    nullable: bool = False

    @model_validator(mode="after")
    def _values_differ(self) -> Category:
        named = [str(value) for value in self.values] + ([self.other] if self.other is not None else [])
        if len(set(named)) != len(named):
            raise ValueError("a value is listed twice; list each once")
        return self


class Number(Part):
    """A column of numbers in [minimum, maximum]; values outside count as the nearest bound.

    `bins` bins of equal width relate the column to others. With `scale: log` they have equal ratios, and 0 is apart:
    right for sums of money and counts, most of which are small. Within a bin, values follow a finer histogram.
    `decimals` is the number of decimals of what is written; 0 writes whole numbers.
    """

    kind: Literal["number"] = "number"
    minimum: float
    maximum: float
    bins: int = Field(default=16, ge=1, le=MOST_CELLS)
    decimals: int = Field(default=2, ge=0, le=9)
    scale: Literal["linear", "log"] = "linear"
    nullable: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> Number:
        if not (math.isfinite(self.minimum) and math.isfinite(self.maximum) and self.minimum < self.maximum):
            raise ValueError("expected finite bounds with minimum < maximum")
        if max(abs(self.minimum), abs(self.maximum)) > _LARGEST:
            raise ValueError(f"expected bounds of at most {_LARGEST:g}, which a double holds to the unit")
        if self.scale == "log" and self.minimum < 0:
            raise ValueError("scale: log needs a minimum of at least 0")
        return self


class Day(Part):
    """A column of dates from `first` to `last`, both included; dates outside count as the nearest bound."""

    kind: Literal["day"] = "day"
    first: date
    last: date
    bins: int = Field(default=16, ge=1, le=MOST_CELLS)
    nullable: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> Day:
        if self.first >= self.last:
            raise ValueError("expected first before last")
        return self


class Moment(Part):
    """A column of wall times from `first` to `last`, to the second; moments outside count as the nearest bound."""

    kind: Literal["moment"] = "moment"
    first: datetime
    last: datetime
    bins: int = Field(default=16, ge=1, le=MOST_CELLS)
    nullable: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> Moment:
        if self.first.tzinfo or self.last.tzinfo or self.first >= self.last:
            raise ValueError("expected wall times without a zone, first before last")
        return self


class TimeOfDay(Part):
    """A column of times of day, to the second; times outside count as the nearest bound."""

    kind: Literal["time"] = "time"
    first: time = time(0)
    last: time = time(23, 59, 59)
    bins: int = Field(default=24, ge=1, le=MOST_CELLS)
    nullable: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> TimeOfDay:
        if self.first.tzinfo or self.last.tzinfo or self.first >= self.last:
            raise ValueError("expected times without a zone, first before last")
        return self


ColumnSpec = Annotated[Category | Number | Day | Moment | TimeOfDay, Field(discriminator="kind")]


class Order(Part):
    """A constraint: the value of `low` is at most the value of `high`, both of one ordered kind. Nulls meet it."""

    low: str
    high: str

    def __str__(self) -> str:
        return f"{self.low} <= {self.high}"


class Implication(Part):
    """A constraint: a row in which every column of `when` has the given value has one of the values of `then`."""

    when: dict[str, Scalar] = Field(min_length=1)
    then: dict[str, tuple[Scalar, ...]] = Field(min_length=1)

    def __str__(self) -> str:
        when = " and ".join(f"{name} = {value}" for name, value in self.when.items())
        then = " and ".join(f"{name} in {[str(value) for value in values]}" for name, values in self.then.items())
        return f"if {when} then {then}"


class Specification(Part):
    """The columns that are synthesized, and the guarantee.

    unit: column of the privacy unit, which is never learned from; None if each row is a person.
    rows_per_unit: at most so many rows of a person are used, chosen at random.
    epsilon, delta: the guarantee for neighbours that differ in all rows of one person.
    origin: where the domain was declared, such as `gold/customer_demographic` or a file's name.
    """

    columns: dict[str, ColumnSpec] = Field(min_length=1)
    unit: str | None = None
    rows_per_unit: int = Field(default=1, ge=1)
    epsilon: float = Field(default=1.0, gt=0, le=20)
    delta: float = Field(default=1e-6, gt=0, lt=0.01)
    constraints: tuple[Order | Implication, ...] = ()
    origin: str = ""

    @model_validator(mode="after")
    def _is_consistent(self) -> Specification:
        if marked := sorted(name for name in self.columns if "*" in name or name.endswith("~fine")):
            raise ValueError(f"{marked} contain * or end in ~fine, which name measurements; rename the columns")
        if self.unit in self.columns:
            raise ValueError(f"{self.unit} identifies people and is never synthesized; remove it from columns")
        for constraint in self.constraints:
            named = (
                {constraint.low, constraint.high}
                if isinstance(constraint, Order)
                else {*constraint.when, *constraint.then}
            )
            if unknown := sorted(named - self.columns.keys()):
                raise ValueError(f"a constraint names {unknown}, which are not among the columns")
            _require_fitting(constraint, self.columns)
        return self

    @property
    def domain_digest(self) -> str:
        """SHA-256 of the columns and their domains, by which a saved model is compared with a contract."""
        columns = {name: column.model_dump(mode="json") for name, column in self.columns.items()}
        return digest_of(columns)


def digest_of(content: object) -> str:
    """Return the SHA-256 of a JSON value."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _require_fitting(constraint: Order | Implication, columns: Mapping[str, ColumnSpec]) -> None:
    if isinstance(constraint, Order):
        low, high = columns[constraint.low].kind, columns[constraint.high].kind
        if low != high or low == "category":
            raise ValueError(f"{constraint.low} ({low}) and {constraint.high} ({high}) have no common order")
        return
    for name, values in [*((name, (value,)) for name, value in constraint.when.items()), *constraint.then.items()]:
        column = columns[name]
        if not isinstance(column, Category):
            raise ValueError(f"{name} is a {column.kind}; `when` and `then` take columns with listed values")
        if unlisted := sorted(
            {str(value) for value in values} - {str(value) for value in (*column.values, column.other)}
        ):
            raise ValueError(f"{name} does not list {unlisted}, which a constraint names")
