"""Turns declared float arrays into one vector of 64-bit integers that add up exactly, and sums back into floats.

Addition of integers modulo 2^64 is associative, so the sum does not depend on the order of the sites, on masks that
cancel, or on whether it was computed in one process or over a network. Example with 3 sites and bound 1: the scale
is 2^59, because 3 · 1 · 2^59 < 2^61; 0.5 travels as 2^58.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from federated.errors import PayloadRefused
from federated.schema import Arrays, ArraySpec

SUM_BITS = 61
"""Sums stay below 2^61 in magnitude: of 64 bits one is the sign, and noise has room up to 2^62."""


@dataclass(frozen=True)
class FixedPoint:
    """The encoding of one round.

    Attributes:
        specs: the declared arrays, in the order in which they stand in the vector.
        sites: the greatest number of sites whose vectors are added.
        is_uniform: one scale for all arrays (needed where noise is sized by one norm over all of them).
    """

    specs: tuple[ArraySpec, ...]
    sites: int
    is_uniform: bool = False

    @cached_property
    def size(self) -> int:
        """Number of values of the vector."""
        return sum(spec.size for spec in self.specs)

    @cached_property
    def exponents(self) -> dict[str, int]:
        """Scale of each array as an exponent of 2: values are multiplied by 2^exponent and rounded."""
        found = {spec.name: SUM_BITS - math.frexp(max(spec.bound, 2.0**-200) * self.sites)[1] for spec in self.specs}
        return dict.fromkeys(found, min(found.values())) if self.is_uniform and found else found

    def encode(self, arrays: Arrays) -> NDArray[np.uint64]:
        """Returns the vector of one site. Values out of bounds are clipped to the bound.

        Raises:
            PayloadRefused: a name or shape is not the declared one, or a value is not finite.
        """
        check_names(arrays, self.specs)
        parts = [self._encode_one(spec, np.asarray(arrays[spec.name])) for spec in self.specs]
        return np.concatenate(parts).view(np.uint64) if parts else np.zeros(0, dtype=np.uint64)

    def _encode_one(self, spec: ArraySpec, values: NDArray[np.generic]) -> NDArray[np.int64]:
        if values.shape != spec.shape:
            raise PayloadRefused(f"Array {spec.name!r} has shape {values.shape}; declared is {spec.shape}.")
        flat = values.astype(np.float64).ravel()
        if not np.isfinite(flat).all():
            raise PayloadRefused(f"Array {spec.name!r} holds a value that is not finite. Nothing was sent.")
        scaled = np.ldexp(np.clip(flat, -spec.bound, spec.bound), self.exponents[spec.name])
        return np.rint(scaled).astype(np.int64)

    def decode(self, total: NDArray[np.uint64]) -> dict[str, NDArray[np.float64]]:
        """Returns the arrays of a sum of vectors."""
        if total.dtype != np.uint64 or total.shape != (self.size,):
            raise PayloadRefused(
                f"The sum has type {total.dtype} and shape {total.shape}; expected {self.size} uint64."
            )
        signed, arrays, at = total.view(np.int64), {}, 0
        for spec in self.specs:
            part = signed[at : at + spec.size].astype(np.float64)
            arrays[spec.name] = np.ldexp(part, -self.exponents[spec.name]).reshape(spec.shape)
            at += spec.size
        return arrays

    def check(self, vector: NDArray[np.uint64]) -> None:
        """Raises when an unmasked vector of one site holds a value beyond the declared bound.

        The bound of a masked vector cannot be checked: every value of it is uniformly random.
        """
        for name, values in self.decode(vector).items():
            bound = next(spec.bound for spec in self.specs if spec.name == name)
            if np.abs(values).max(initial=0.0) > bound * (1 + 1e-12):
                raise PayloadRefused(f"Array {name!r} holds a value beyond its declared bound {bound:g}.")


def check_names(arrays: Arrays, specs: Sequence[ArraySpec]) -> None:
    """Raises `PayloadRefused` unless the arrays have exactly the declared names."""
    declared, found = {spec.name for spec in specs}, set(arrays)
    if found != declared:
        raise PayloadRefused(
            f"Arrays {', '.join(sorted(found)) or 'none'} came; declared are {', '.join(sorted(declared)) or 'none'}."
        )
