"""Makes random generators from the seed, one for each replica and purpose.

A new source therefore does not change the rows of any other source.
"""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Times = NDArray[np.datetime64]
Texts = NDArray[np.object_]
Start = NDArray[Any] | np.datetime64


@dataclass(frozen=True)
class Streams:
    """Makes the random generators of one replica of the market."""

    seed: int
    replica: int

    def generator(self, name: str) -> np.random.Generator:
        """Return a new generator that depends only on seed, replica and `name` (NEP 19, SeedSequence)."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(self.replica, crc32(name.encode())))
        return np.random.default_rng(sequence)


def pick(rng: np.random.Generator, weights: Floats | list[float], size: int) -> Ints:
    """Draw `size` positions with probability proportional to `weights`."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    return np.asarray(np.minimum(drawn, len(edges) - 1), dtype=np.int64)


def choose(rng: np.random.Generator, values: list[str], weights: list[float], size: int) -> Texts:
    """Draw `size` values from `values`, with probability proportional to `weights`."""
    return np.array(values, dtype=object)[pick(rng, weights, size)]


def chance(rng: np.random.Generator, probability: float | Floats, size: int) -> Bools:
    """Draw `size` independent booleans that are true with the given probability (one number, or one per event)."""
    return np.asarray(rng.random(size) < probability)


def between(rng: np.random.Generator, start: Start, seconds: Ints | int, size: int) -> Times:
    """Draw `size` times, uniform in the `seconds` after `start`, in whole seconds."""
    offset = np.floor(rng.random(size) * seconds).astype("timedelta64[s]")
    return np.asarray(np.asarray(start).astype("datetime64[s]") + offset)
