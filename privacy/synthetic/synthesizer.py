"""What every synthesizer offers: fit, sample, and a statement of its guarantee."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import pyarrow as pa

from privacy.synthetic.accounting import epsilon_of, spent_mu
from privacy.synthetic.specification import Specification

Progress = Callable[[str, float], None]
"""Is called with the stage of a fit and the share of the fit that is done, 0 to 1."""


def no_progress(stage: str, done: float) -> None:
    """Report nothing."""


def scaled(progress: Progress, first: float, last: float) -> Progress:
    """Return a callback for a part of a fit, which goes from the share `first` to the share `last`."""
    return lambda stage, done: progress(stage, first + (last - first) * done)


@dataclass(frozen=True)
class Guarantee:
    """What a synthesizer promises for people whose rows it learned from.

    epsilon: None if nothing formal is promised. mu: the Gaussian-DP parameter of the recorded noise. statement: the
    guarantee in words.
    """

    epsilon: float | None
    delta: float | None
    mu: float | None
    unit: str
    statement: str

    @classmethod
    def from_noise(cls, scales: Mapping[str, float], delta: float, unit: str | None) -> Guarantee:
        """Return the guarantee of recorded noise; `scales` holds the ratio σ/Δ of each measurement."""
        mu = spent_mu(scales.values())
        epsilon = epsilon_of(mu, delta)
        neighbours = "one row" if unit is None else f"all rows of one {unit}"
        statement = (
            f"({epsilon:.4g}, {delta:g})-differential privacy, where neighbouring data sets differ in {neighbours}. "
            f"Accounting: Gaussian differential privacy, mu = {mu:.6g}."
        )
        return cls(epsilon, delta, mu, unit or "row", statement)


class Synthesizer(Protocol):
    """A fitted model of one table."""

    @property
    def kind(self) -> str:
        """Name of the kind of model."""
        ...

    @property
    def specification(self) -> Specification:
        """The specification that it was fitted with."""
        ...

    @property
    def guarantee(self) -> Guarantee:
        """The guarantee, from the noise that was recorded."""
        ...

    @classmethod
    def fit(cls, table: pa.Table, specification: Specification, progress: Progress = no_progress) -> Self:
        """Return the model of a table's rows."""
        ...

    def sample(self, rows: int | None, seed: int, given: Mapping[str, Any] | None = None) -> Iterator[pa.Table]:
        """Yield tables with `rows` rows in all (None: as many as were learned from), the same for the same seed."""
        ...
