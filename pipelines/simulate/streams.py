"""Seeded randomness: a generator for each replica and purpose, so that adding a source moves no other."""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Times = NDArray[np.datetime64]
Texts = NDArray[np.object_]
Start = NDArray[Any] | np.datetime64


@dataclass(frozen=True)
class Streams:
    """The generators of one replica of the market."""

    seed: int
    replica: int

    def generator(self, name: str) -> np.random.Generator:
        """Return a fresh generator that depends on seed, replica and `name` only (NEP 19, SeedSequence)."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(self.replica, crc32(name.encode())))
        return np.random.default_rng(sequence)


def pick(rng: np.random.Generator, weights: Floats | list[float], size: int) -> Ints:
    """Draw `size` positions with probability proportional to `weights`."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    return np.asarray(np.minimum(drawn, len(edges) - 1), dtype=np.int64)


def choose(rng: np.random.Generator, values: list[str], weights: list[float], size: int) -> Texts:
    """Draw `size` of `values` with probability proportional to `weights`."""
    return np.array(values, dtype=object)[pick(rng, weights, size)]


def chance(rng: np.random.Generator, probability: float | Floats, size: int) -> Bools:
    """Draw `size` independent events of the given probability (a number or one per event)."""
    return np.asarray(rng.random(size) < probability)


def between(rng: np.random.Generator, start: Start, seconds: Ints | int, size: int) -> Times:
    """Draw `size` instants uniformly from the `seconds` after `start`, to the second."""
    offset = np.floor(rng.random(size) * seconds).astype("timedelta64[s]")
    return np.asarray(np.asarray(start).astype("datetime64[s]") + offset)
