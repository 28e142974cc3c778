"""Holds a converted column, with the fault of each value that could not be converted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.value_fault import Fault

Mask = npt.NDArray[np.bool_]


class UncastableError(Exception):
    """Values of the file's column type can never be converted to the contract's type. `hint` says why, if known."""

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint or "no value of the type can be converted")
        self.hint = hint


@dataclass(frozen=True)
class CastColumn:
    """A column in its contract's type.

    `codes` has a number for each value: 0 for a sound or null one, n for the n-th entry of `faults`. An entry is None
    if no more is known than that the value is not of the type.
    """

    values: pa.Array
    codes: npt.NDArray[np.int32]
    faults: tuple[Fault | None, ...] = ()

    @property
    def wrong(self) -> Mask:
        """True for each non-null value that could not be converted."""
        wrong: Mask = self.codes > 0
        return wrong

    def fault(self, position: int) -> Fault | None:
        """Return the rule and the reason of a value's fault; None for a sound value, and if no more is known."""
        code = int(self.codes[position])
        return self.faults[code - 1] if code else None

    def after(self, first: CastColumn) -> CastColumn:
        """Return this column with the faults of an earlier step, which win."""
        if not first.faults:
            return self
        later = np.where(self.codes > 0, self.codes + len(first.faults), 0)
        codes = np.where(first.codes > 0, first.codes, later).astype(np.int32)
        return CastColumn(self.values, codes, (*first.faults, *self.faults))

    def taken(self, indices: pa.Array) -> npt.NDArray[np.int32]:
        """Return the codes of dictionary entries at these indices; 0 where the index is null."""
        if not self.codes.any():
            return np.zeros(len(indices), np.int32)
        taken = self.codes[indices.fill_null(0).to_numpy(zero_copy_only=False)]
        return np.where(is_valid(indices), taken, 0).astype(np.int32)


def sound(values: pa.Array) -> CastColumn:
    """Return a column without faults."""
    return CastColumn(values, np.zeros(len(values), np.int32))


def marked(values: pa.Array, wrong: Mask, fault: Fault | None = None) -> CastColumn:
    """Return a column in which the values at `wrong` have one fault."""
    return CastColumn(values, wrong.astype(np.int32), (fault,)) if wrong.any() else sound(values)


def keep(values: pa.Array, is_good: Mask, fault: Fault | None = None) -> CastColumn:
    """Return the column with null in place of the values that are not good, which get the fault."""
    wrong = is_valid(values) & ~is_good
    if not wrong.any():
        return sound(values)
    return marked(pc.if_else(pa.array(~wrong), values, pa.scalar(None, values.type)), wrong, fault)


def collect(results: Sequence[Any], faults: Iterable[tuple[int, Fault | None]], target: pa.DataType) -> CastColumn:
    """Return a column from values that were read one by one; `faults` has the positions that failed."""
    codes = np.zeros(len(results), np.int32)
    known: dict[Fault | None, int] = {}
    for position, fault in faults:
        codes[position] = known.setdefault(fault, len(known) + 1)
    return CastColumn(pa.array(results, target), codes, tuple(known))


def is_valid(values: pa.Array) -> Mask:
    """Return true for each value that is not null."""
    return to_mask(pc.is_valid(values))


def to_mask(flags: pa.Array) -> Mask:
    """Return a boolean Arrow array as a numpy mask; null is false."""
    result: Mask = flags.fill_null(False).to_numpy(zero_copy_only=False)
    return result
