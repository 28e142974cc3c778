"""Turns values into codes of a public domain, and codes into values.

A column has coarse codes 0 … size-1, which relate it to other columns, and, if it holds numbers or days, fine codes
that only describe it alone. Null and `other` have codes of their own, after all values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.specification import Category, ColumnSpec, Day, Number, Specification

Codes = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]
_EPOCH = date(1970, 1, 1)
FINE_PER_BIN = 8
"""Fine codes of one bin, at most. More would only spread the same noise over more cells."""


class Coding(Protocol):
    """Codes of one column. `size` counts its coarse codes; `fine_size` its fine codes, 0 if it has none."""

    name: str
    size: int
    fine_size: int

    def encode(self, values: pa.Array) -> tuple[Codes, Codes]:
        """Return the coarse and the fine code of each value; -1 marks a value outside the domain."""
        ...

    def decode(self, codes: Codes, fine: Weights, random: np.random.Generator) -> pa.Array:
        """Return a value for each coarse code; `fine` holds the weight of each fine code; empty: equal."""
        ...

    def code_of(self, value: Any) -> int:
        """Return the coarse code of one value, for conditions."""
        ...


@dataclass(frozen=True)
class CategoryCoding:
    """Codes of a column with listed values."""

    name: str
    spec: Category

    fine_size = 0

    @cached_property
    def labels(self) -> tuple[str | int | bool | None, ...]:
        """The value of each code."""
        other = () if self.spec.other is None else (self.spec.other,)
        return (*self.spec.values, *other, *((None,) if self.spec.nullable else ()))

    @property
    def size(self) -> int:
        """Number of codes."""
        return len(self.labels)

    @cached_property
    def _other(self) -> int:
        return -1 if self.spec.other is None else len(self.spec.values)

    @cached_property
    def _code(self) -> dict[str, int]:
        codes = {_text(value): code for code, value in enumerate(self.spec.values)}
        return codes if self.spec.other is None else {**codes, self.spec.other: self._other}

    def encode(self, values: pa.Array) -> tuple[Codes, Codes]:
        """Return the codes, and no fine codes."""
        coded = values.dictionary_encode() if not pa.types.is_dictionary(values.type) else values
        table = [self._other if (text := _text(value)) not in self._code else self._code[text]
                 for value in coded.dictionary.to_pylist()]  # fmt: skip
        null = self.size - 1 if self.spec.nullable else self._other
        indices = pc.fill_null(coded.indices, len(table)).to_numpy(zero_copy_only=False)
        return np.array([*table, null], np.int64)[indices], np.zeros(0, np.int64)

    def decode(self, codes: Codes, fine: Weights, random: np.random.Generator) -> pa.Array:
        """Return the value of each code."""
        return pa.array(self.labels).take(pa.array(codes))

    def code_of(self, value: Any) -> int:
        """Return the code of one value.

        Raises:
            BadSpecification: the value is not listed.
        """
        if value is None and self.spec.nullable:
            return self.size - 1
        code = self._code.get(_text(value), -1)
        if code < 0:
            raise BadSpecification(f"{self.name} has no value {value!r}; choose one that its domain lists")
        return code


@dataclass(frozen=True)
class NumberCoding:
    """Codes of a column of numbers, or of days counted from 1970-01-01."""

    name: str
    spec: Number
    is_day: bool = False

    @cached_property
    def _step(self) -> float:
        return float(10.0**-self.spec.decimals)

    @cached_property
    def _steps(self) -> int:
        """Number of values that can be written."""
        return max(1, round((self.spec.maximum - self.spec.minimum) / self._step) + 1)

    @cached_property
    def per_bin(self) -> int:
        """Fine codes of one bin."""
        return min(FINE_PER_BIN, math.ceil(self._steps / self.spec.bins))

    @cached_property
    def _fine_steps(self) -> int:
        """Values of one fine code, so that each of its codes has as many (linear scale)."""
        return math.ceil(self._steps / (self.spec.bins * self.per_bin))

    @cached_property
    def bins(self) -> int:
        """Coarse codes without null: no more than there are values."""
        if self.spec.scale == "log":
            return self.spec.bins
        return math.ceil(self._steps / (self._fine_steps * self.per_bin))

    @cached_property
    def edges(self) -> Weights:
        """The edges of the fine codes, of which every `per_bin`-th is the edge of a coarse code."""
        low, high, cells = self.spec.minimum, self.spec.maximum, self.bins * self.per_bin
        if self.spec.scale == "log":
            return np.geomspace(low, high + self._step, cells + 1)
        edges = low - self._step / 2 + np.arange(cells + 1) * self._fine_steps * self._step
        return np.minimum(edges, high + self._step / 2)

    @property
    def size(self) -> int:
        """Number of coarse codes."""
        return self.bins + self.spec.nullable

    @property
    def fine_size(self) -> int:
        """Number of fine codes; 0 if they say no more than the coarse codes."""
        return self.bins * self.per_bin if self.per_bin > 1 else 0

    def encode(self, values: pa.Array) -> tuple[Codes, Codes]:
        """Return the codes of numbers or dates. What is not a number counts as null."""
        numbers = self.numbers(values)
        missing = np.isnan(numbers)
        clipped = np.clip(np.where(missing, self.spec.minimum, numbers), self.spec.minimum, self.spec.maximum)
        fine = np.clip(np.searchsorted(self.edges, clipped, "right") - 1, 0, self.bins * self.per_bin - 1)
        coarse = fine // self.per_bin
        coarse[missing] = self.bins if self.spec.nullable else -1
        return coarse.astype(np.int64), (fine[~missing].astype(np.int64) if self.fine_size else np.zeros(0, np.int64))

    def decode(self, codes: Codes, fine: Weights, random: np.random.Generator) -> pa.Array:
        """Return a value within the bin of each code: a fine code by its weight, then uniform within it."""
        missing = codes == self.bins
        cell = np.where(missing, 0, codes) * self.per_bin
        if len(fine):
            weights = fine.reshape(self.bins, self.per_bin)
            total = weights.sum(1, keepdims=True)
            shares = np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / self.per_bin)
            cell = cell + spread(np.where(missing, 0, codes), shares, random)
        width = 1 if len(fine) else self.per_bin
        low, high = self.edges[cell], self.edges[cell + width]
        drawn = low + (high - low) * random.random(len(codes))
        values = np.clip(np.round(drawn, self.spec.decimals), self.spec.minimum, self.spec.maximum)
        mask = missing if self.spec.nullable else None
        if self.is_day:
            return pa.array(values.astype(np.int32), pa.int32(), mask=mask).cast(pa.date32())
        if self.spec.decimals == 0:
            return pa.array(values.astype(np.int64), pa.int64(), mask=mask)
        return pa.array(values, pa.float64(), mask=mask)

    def code_of(self, value: Any) -> int:
        """Return the coarse code of one number or date.

        Raises:
            BadSpecification: the value lies outside the bounds.
        """
        if value is None and self.spec.nullable:
            return self.bins
        code = self.encode(pa.array([value]))[0][0]
        number = self.numbers(pa.array([value]))[0]
        if code < 0 or not self.spec.minimum <= number <= self.spec.maximum:
            raise BadSpecification(f"{self.name} cannot be {value!r}; choose a value within its bounds")
        return int(code)

    def numbers(self, values: pa.Array) -> Weights:
        """Return the values as numbers, days as days since 1970-01-01; NaN where there is none."""
        if self.is_day:
            days = pc.cast(pc.cast(values, pa.date32()), pa.int32())
            return np.asarray(pc.cast(days, pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            import pandas as pd

            return np.asarray(pd.to_numeric(values.to_pandas(), errors="coerce"), np.float64)
        return np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


def codings(specification: Specification) -> dict[str, Coding]:
    """Return the coding of each column, in the order of the specification."""
    return {name: coding_of(name, spec) for name, spec in specification.columns.items()}


def coding_of(name: str, spec: ColumnSpec) -> Coding:
    """Return the coding of one column."""
    if isinstance(spec, Category):
        return CategoryCoding(name, spec)
    if isinstance(spec, Day):
        low, high = ((day - _EPOCH) / timedelta(days=1) for day in (spec.first, spec.last))
        number = Number(minimum=low, maximum=high, bins=spec.bins, decimals=0, nullable=spec.nullable)
        return NumberCoding(name, number, is_day=True)
    return NumberCoding(name, spec)


@dataclass(frozen=True)
class Coded:
    """Codes of a table: `coarse` has a code of each row and column; `fine` the fine codes of a column that has some."""

    coarse: Mapping[str, Codes]
    fine: Mapping[str, Codes]
    rows: int


def encode(table: pa.Table, columns: Mapping[str, Coding]) -> Coded:
    """Return the codes of the rows whose every value is in the domain.

    Raises:
        BadSpecification: the table lacks a column.
    """
    if absent := [name for name in columns if name not in table.column_names]:
        raise BadSpecification(f"the table has no columns {absent}; it has {sorted(table.column_names)}")
    coded = {name: coding.encode(table[name].combine_chunks()) for name, coding in columns.items()}
    keep = np.ones(table.num_rows, bool)
    for coarse, _ in coded.values():
        keep &= coarse >= 0
    fine = {name: fine_codes for name, (_, fine_codes) in coded.items() if columns[name].fine_size}
    return Coded({name: coarse[keep] for name, (coarse, _) in coded.items()}, fine, int(keep.sum()))


def spread(group: Codes, shares: Weights, random: np.random.Generator) -> Codes:
    """Return for each row a code drawn by its group's `shares`, so that each group's counts are its shares, rounded.

    `shares` has a row of probabilities for each group. Rounding at random keeps the counts unbiased and varies less
    than independent draws.
    """
    order = np.lexsort((random.random(len(group)), group))
    counts = np.bincount(group, minlength=len(shares))
    starts = np.cumsum(counts) - counts
    position = np.empty(len(group))
    # Systematic sampling: evenly spaced points from a random start, at random places within the group.
    ranks = np.arange(len(group)) - np.repeat(starts, counts)
    position[order] = (ranks + random.random(len(shares))[group[order]]) / counts[group[order]]
    bounds = np.cumsum(shares, axis=1)
    bounds[:, -1] = np.inf
    drawn = np.empty(len(group), np.int64)
    for code in np.flatnonzero(counts):
        members = order[starts[code] : starts[code] + counts[code]]
        drawn[members] = np.searchsorted(bounds[code], position[members], "right")
    return drawn


def _text(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)
