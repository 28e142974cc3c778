"""The differentially private synthesizer of one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from privacy.synthetic.accounting import epsilon_of, mu_of
from privacy.synthetic.coding import Coding, Weights, codings, encode
from privacy.synthetic.constraint import keep_rows
from privacy.synthetic.errors import UnmetConstraint
from privacy.synthetic.marginal.fit import fit_marginals
from privacy.synthetic.marginal.measurement import FINE, SINGLE_SHARE, Measurement, measure, plan_measurements, spent_mu
from privacy.synthetic.marginal.model import MarginalModel
from privacy.synthetic.specification import Specification
from privacy.synthetic.synthesizer import Guarantee
from privacy.synthetic.unit_bound import bounded_rows

_MOST_TRIES = 50


@dataclass(frozen=True)
class PrivateTable:
    """A model of noisy marginals. `scales` holds σ of each measurement, from which the guarantee is computed."""

    specification: Specification
    model: MarginalModel
    fine: Mapping[str, Weights]
    scales: Mapping[str, float]

    kind = "private_table"

    @classmethod
    def fit(
        cls, table: pa.Table, specification: Specification, mu: float | None = None,
        single_share: float = SINGLE_SHARE,
    ) -> PrivateTable:  # fmt: skip
        """Return the model of a table's rows. The caller has debited the budget `cost_mu(specification)`.

        Noise comes from the system's source of randomness: a fit has no seed, since a known seed would reveal the noise.

        `mu` is the part of a larger budget that this table may spend; None: all that the specification allows.
        `single_share` is the share of the marginals of one column.

        Guarantee: μ-GDP, and with `mu` None (ε, δ)-DP of the specification, for neighbours that differ in all rows of one person.

        Raises:
            BadSpecification: the table does not fit the specification.
        """
        columns = codings(specification)
        used = bounded_rows(table, specification.unit, specification.rows_per_unit)
        plan = plan_measurements(columns, specification.rows_per_unit, single_share)
        measured = measure(encode(used, columns), columns, plan, cost_mu(specification) if mu is None else mu)
        return cls.from_measurements(specification, measured)

    @classmethod
    def from_measurements(cls, specification: Specification, measurements: list[Measurement]) -> PrivateTable:
        """Return the model of noisy marginals. It reads no row."""
        fine = {
            one.clique[0].removesuffix(FINE): np.clip(one.counts, 0, None)
            for one in measurements
            if one.clique and one.clique[0].endswith(FINE)
        }
        scales = {"*".join(one.clique): one.scale for one in measurements}
        return cls(specification, fit_marginals(measurements, codings(specification)), fine, scales)

    @cached_property
    def guarantee(self) -> Guarantee:
        """The guarantee of the recorded noise."""
        return gaussian_guarantee(self.specification, self.scales)

    def sample(self, rows: int | None, seed: int, given: Mapping[str, Any] | None = None) -> Iterator[pa.Table]:
        """Yield tables with `rows` rows in all. Every row meets the constraints and has the values in `given`.

        Raises:
            UnmetConstraint: the model gives too few such rows.
        """
        columns = codings(self.specification)
        codes = {name: columns[name].code_of(value) for name, value in (given or {}).items()}
        random = np.random.default_rng(seed)
        left, tries = self.model.total if rows is None else rows, 0
        while left > 0:
            for part in self.model.chunks(left, random, codes):
                kept = keep_rows(self._decoded(part, columns, random), self.specification.constraints)
                kept = kept.slice(0, left)
                left -= kept.num_rows
                if kept.num_rows:
                    yield kept
            tries += 1
            if left > 0 and tries >= _MOST_TRIES:
                raise UnmetConstraint(f"{left} rows are missing after {tries} tries: the constraints reject nearly all")

    def _decoded(
        self, codes: Mapping[str, np.ndarray[Any, np.dtype[np.int64]]], columns: Mapping[str, Coding],
        random: np.random.Generator,
    ) -> pa.Table:  # fmt: skip
        none = np.zeros(0)
        return pa.table({name: one.decode(codes[name], self.fine.get(name, none), random)
                         for name, one in columns.items()})  # fmt: skip


def cost_mu(specification: Specification) -> float:
    """Return μ of a fit, whose square over two is debited from the ledger before it."""
    return mu_of(specification.epsilon, specification.delta)


def gaussian_guarantee(specification: Specification, scales: Mapping[str, float]) -> Guarantee:
    """Return the guarantee of recorded noise of deviation σ on statistics whose sensitivity is the rows of a person."""
    noise = [Measurement((), np.zeros(0), scale) for scale in scales.values()]
    mu = spent_mu(noise, float(specification.rows_per_unit))
    unit = specification.unit or "row"
    epsilon = epsilon_of(mu, specification.delta)
    return Guarantee(
        epsilon, specification.delta, mu, unit,
        f"({epsilon:.4g}, {specification.delta:g})-differential privacy, where neighbouring data sets differ in all rows "
        f"of one {unit}. Accounting: Gaussian differential privacy, mu = {mu:.6g}.",
    )  # fmt: skip
