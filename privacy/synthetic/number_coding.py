"""Codes of a column of numbers, days, moments or times of day: bins, and finer cells within each bin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.number_kind import NUMBER, NumberKind
from privacy.synthetic.specification import Number
from privacy.synthetic.spread import Codes, Weights, spread

FINE_PER_BIN = 8
"""Fine codes of one bin, at most. More would only spread the same noise over more cells."""


@dataclass(frozen=True)
class NumberCoding:
    """Codes of a column of ordered values, which `kind` turns into numbers and back."""

    name: str
    spec: Number
    kind: NumberKind = NUMBER

    @cached_property
    def _step(self) -> float:
        return float(10.0**-self.spec.decimals)

    @cached_property
    def _steps(self) -> int:
        """Number of values that can be written."""
        return max(1, round((self.spec.maximum - self.spec.minimum) / self._step) + 1)

    @cached_property
    def _bin_steps(self) -> int:
        """Values of one bin, if no bin had more than others (linear scale)."""
        return math.ceil(self._steps / self.spec.bins)

    @cached_property
    def _fine_steps(self) -> int:
        """Values of one fine code (linear scale)."""
        return math.ceil(self._bin_steps / FINE_PER_BIN)

    @cached_property
    def _per_bin(self) -> int:
        """Fine codes of one bin."""
        return math.ceil(self._bin_steps / self._fine_steps)

    @cached_property
    def bins(self) -> int:
        """Coarse codes without null: no more than there are values."""
        if self.spec.scale == "log":
            return self.spec.bins
        return math.ceil(self._steps / (self._fine_steps * self._per_bin))

    @cached_property
    def edges(self) -> Weights:
        """The edges of the fine codes, of which every `_per_bin`-th is the edge of a coarse code."""
        half, cells = self._step / 2, self.bins * self._per_bin
        low, high = self.spec.minimum - half, self.spec.maximum + half
        if self.spec.scale == "linear":
            return np.asarray(np.minimum(low + np.arange(cells + 1) * self._fine_steps * self._step, high), np.float64)
        if low > 0:
            return np.asarray(np.geomspace(low, high, cells + 1), np.float64)
        # The first fine code is zero alone.
        return np.concatenate([[low], np.geomspace(half, high, cells)])

    @cached_property
    def _held(self) -> tuple[Weights, Weights]:
        """The first value of each fine code, in steps from the minimum, and the number of its values."""
        steps = (self.edges - self.spec.minimum) / self._step
        first = np.ceil(steps - 1e-9)
        return first[:-1], np.maximum(np.diff(first), 0)

    @property
    def size(self) -> int:
        """Number of coarse codes."""
        return self.bins + self.spec.nullable

    @property
    def fine_size(self) -> int:
        """Number of fine codes; 0 if they say no more than the coarse codes."""
        return self.bins * self._per_bin if self._per_bin > 1 else 0

    def require_type(self, found: pa.DataType) -> None:
        """Check that a column of this type holds such values.

        Raises:
            BadSpecification: it does not, for example because it holds text.
        """
        if not pa.types.is_null(found) and not self.kind.accepts(found):
            raise BadSpecification(
                f"{self.name} holds {found}, expected {self.kind.expected}; convert it first, or declare another kind"
            )

    def numbers(self, values: pa.Array) -> Weights:
        """Return the values as numbers; NaN where there is none."""
        self.require_type(values.type)
        if pa.types.is_null(values.type):
            return np.full(len(values), np.nan)
        return self.kind.read(values)

    def encode(self, values: pa.Array) -> tuple[Codes, Codes]:
        """Return the coarse code of each value, -1 for null outside the domain, and the fine code of each number."""
        numbers = self.numbers(values)
        missing = np.isnan(numbers)
        clipped = np.clip(np.where(missing, self.spec.minimum, numbers), self.spec.minimum, self.spec.maximum)
        fine = np.clip(np.searchsorted(self.edges, clipped, "right") - 1, 0, self.bins * self._per_bin - 1)
        coarse = fine // self._per_bin
        coarse[missing] = self.bins if self.spec.nullable else -1
        return coarse.astype(np.int64), (fine[~missing].astype(np.int64) if self.fine_size else np.zeros(0, np.int64))

    def decode(self, codes: Codes, fine: Weights, random: np.random.Generator) -> pa.Array:
        """Return a value within the bin of each code: a fine code by its weight, then each of its values alike."""
        missing = codes == self.bins
        bins = np.where(missing, 0, codes)
        first, values = self._held
        # A fine code may hold no value; noise gives it weight all the same.
        weights = np.where(values > 0, fine if len(fine) else values, 0).reshape(self.bins, self._per_bin)
        total = weights.sum(1, keepdims=True)
        equal = np.maximum(values, 1e-9).reshape(weights.shape)
        shares = np.where(total > 0, weights / np.where(total > 0, total, 1), equal / equal.sum(1, keepdims=True))
        cell = bins * self._per_bin + spread(bins, shares, random)
        step = first[cell] + np.floor(values[cell] * random.random(len(codes)))
        drawn = np.round(self.spec.minimum + step * self._step, self.spec.decimals)
        values = np.clip(drawn, self.spec.minimum, self.spec.maximum)
        return self.kind.write(values, missing if self.spec.nullable else None, self.spec.decimals)

    def condition(self, value: Any) -> tuple[int, pa.Scalar]:
        """Return the coarse code of one value, and the value as it is written.

        Raises:
            BadSpecification: it is no such value, or lies outside the bounds.
        """
        if value is None and self.spec.nullable:
            return self.bins, self.kind.write(np.zeros(1), np.ones(1, bool), self.spec.decimals)[0]
        try:
            number = self.kind.parse(value)
        except (TypeError, ValueError) as error:
            raise BadSpecification(f"{self.name} cannot be {value!r}, expected {self.kind.expected}") from error
        if not self.spec.minimum <= number <= self.spec.maximum:
            raise BadSpecification(f"{self.name} cannot be {value!r}; choose a value within its bounds")
        fine = np.clip(np.searchsorted(self.edges, number, "right") - 1, 0, self.bins * self._per_bin - 1)
        return int(fine // self._per_bin), self.kind.write(np.array([number]), None, self.spec.decimals)[0]
