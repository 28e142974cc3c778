"""What every synthesizer offers: fit, sample, and a statement of its guarantee."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from privacy.synthetic.specification import Specification


@dataclass(frozen=True)
class Guarantee:
    """What a synthesizer promises for people whose rows it learned from.

    `epsilon` None: nothing formal. `mu` is the Gaussian-DP parameter of the recorded noise. `statement` says it in words.
    """

    epsilon: float | None
    delta: float | None
    mu: float | None
    unit: str
    statement: str


class Synthesizer(Protocol):
    """A fitted model of one table."""

    kind: str
    specification: Specification

    @property
    def guarantee(self) -> Guarantee:
        """The guarantee, from the noise that was recorded."""
        ...

    def sample(self, rows: int | None, seed: int, given: Mapping[str, Any] | None = None) -> Iterator[pa.Table]:
        """Yield tables with `rows` rows in all (None: as many as were learned from), the same for the same seed."""
        ...
