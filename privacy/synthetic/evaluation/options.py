"""How synthetic rows are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How synthetic rows are measured.

    target: category that a model predicts; None: the last category. secrets: columns that an attacker infers; empty:
    the target. attacks: targets of each attack. sampler: returns further rows of the generator for a number of rows and
    a seed, among which copies are searched. refit: fits the synthesizer to other rows and returns as many synthetic
    rows, for shadow models and canaries. progress: is told what is measured next.
    """

    target: str | None = None
    secrets: Sequence[str] = ()
    attacks: int = 5000
    sampler: Callable[[int, int], pa.Table] | None = None
    samples: int = 10
    refit: Callable[[pa.Table, int], pa.Table] | None = None
    shadow_models: int = 4
    canaries: int = 200
    seed: int = 0
    progress: Progress = lambda _: None
