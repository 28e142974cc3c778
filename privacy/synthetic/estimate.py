"""Estimates what a fit costs before it starts: time, memory and budget. It reads no row."""

from __future__ import annotations

import math
from dataclasses import dataclass

from privacy.synthetic.accounting import mu_of
from privacy.synthetic.coding import codings
from privacy.synthetic.event.measurement import history_cells, people_specification
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.marginal.measurement import plan_measurements
from privacy.synthetic.marginal.structure import MOST_MEGABYTES
from privacy.synthetic.specification import Specification

_START_SECONDS, _START_MEGABYTES = 4.0, 600.0
"""Imports, and the compilation of the model."""
_SECONDS_PER_CELL = 1e-5
"""Noise of OpenDP, measured."""
_SECONDS_PER_MEGABYTE = 10.0
"""1,000 iterations over a model of this size, measured on one processor."""
_SECONDS_PER_VALUE, _SECONDS_PER_EVENT = 2e-7, 1.2e-5
_BYTES_PER_VALUE, _BYTES_PER_EVENT = 40, 500


@dataclass(frozen=True)
class Estimate:
    """What a fit will take: processor seconds, memory, noisy cells, and ρ of the ledger for this (ε, δ)."""

    seconds: float
    megabytes: float
    cells: int
    rho: float
    epsilon: float
    delta: float

    def __str__(self) -> str:
        return (
            f"about {self.seconds:,.0f} processor seconds, {self.megabytes / 1024:.1f} GiB of memory, "
            f"{self.cells:,} noisy counts; budget rho {self.rho:.4g} for ({self.epsilon:g}, {self.delta:g})"
        )


def estimate_table(specification: Specification, rows: int) -> Estimate:
    """Return the estimate for a table with this number of rows.

    Raises:
        BadSpecification: there are too many pairs of columns.
    """
    cells, seconds = _of_table(specification)
    values = rows * len(specification.columns)
    return _estimate(specification, cells, seconds + values * _SECONDS_PER_VALUE, values * _BYTES_PER_VALUE / 2**20)


def estimate_history(specification: EventSpecification, people: int, events: int) -> Estimate:
    """Return the estimate for a table of people with this number of events.

    Raises:
        BadSpecification: there are too many pairs of columns.
    """
    cells, seconds = _of_table(people_specification(specification))
    further = history_cells(specification)
    seconds += further * _SECONDS_PER_CELL + events * _SECONDS_PER_EVENT
    megabytes = (people * 200 + events * _BYTES_PER_EVENT) / 2**20
    return _estimate(specification, cells + further, seconds, megabytes)


def _of_table(specification: Specification) -> tuple[int, float]:
    """Return the cells of all measurements, and the seconds of noise and fit."""
    columns = codings(specification)
    sizes = {name: coding.size for name, coding in columns.items()}
    pairs = plan_measurements(columns, specification.rows_per_unit).pairs
    cells = 1 + sum(coding.size + coding.fine_size for coding in columns.values())
    cells += sum(math.prod(sizes[name] for name in pair) for pair in pairs)
    megabytes = min(MOST_MEGABYTES, math.prod(sizes.values()) * 8 / 2**20)
    return cells, cells * _SECONDS_PER_CELL + megabytes * _SECONDS_PER_MEGABYTE


def _estimate(
    specification: Specification | EventSpecification, cells: int, seconds: float, megabytes: float
) -> Estimate:
    epsilon, delta = specification.epsilon, specification.delta
    rho = mu_of(epsilon, delta) ** 2 / 2
    return Estimate(_START_SECONDS + seconds, _START_MEGABYTES + megabytes, cells, rho, epsilon, delta)
