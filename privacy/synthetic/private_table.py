"""The differentially private synthesizer of one table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa

from privacy.synthetic.accounting import mu_of
from privacy.synthetic.coding import Coding, codings, encode
from privacy.synthetic.constraint import keep_rows
from privacy.synthetic.errors import BadSpecification, UnmetConstraint
from privacy.synthetic.marginal.fit import fit_marginals
from privacy.synthetic.marginal.measurement import SINGLE_SHARE, Measured, measure, plan_measurements
from privacy.synthetic.marginal.merging import Merging
from privacy.synthetic.marginal.model import CHUNK_ROWS, MarginalModel
from privacy.synthetic.specification import Specification
from privacy.synthetic.spread import Codes, Weights
from privacy.synthetic.synthesizer import Guarantee, Progress, no_progress
from privacy.synthetic.unit_bound import bounded_rows

_LEAST_KEPT = 1e-3
"""Least share of drawn rows that meet the constraints; below it sampling gives up."""


@dataclass(frozen=True)
class PrivateTable:
    """A model of noisy marginals. `scales` holds σ/Δ of each measurement, from which the guarantee is computed."""

    specification: Specification
    model: MarginalModel
    mergings: Mapping[str, Merging]
    fine: Mapping[str, Weights]
    scales: Mapping[str, float]

    kind = "private_table"

    @classmethod
    def fit(cls, table: pa.Table, specification: Specification, progress: Progress = no_progress) -> Self:
        """Return the model of a table's rows. The caller has debited `privacy.synthetic.fit.cost_of` before.

        Noise comes from the system's source of randomness: a fit has no seed, since a known seed reveals the noise.

        Guarantee: (ε, δ)-DP of the specification, for neighbours that differ in all rows of one person.

        Raises:
            BadSpecification: the table does not fit the specification.
        """
        return cls.fit_part(table, specification, mu_of(specification.epsilon, specification.delta), progress)

    @classmethod
    def fit_part(
        cls, table: pa.Table, specification: Specification, mu: float, progress: Progress = no_progress,
        single_share: float = SINGLE_SHARE, tails: Collection[str] = (),
    ) -> Self:  # fmt: skip
        """Return the model, fitted with a part of a larger budget.

        single_share: share of the marginals of one column. tails: columns whose last codes are merged, see `measure`.

        Guarantee: μ-GDP, for neighbours that differ in all rows of one person.
        """
        columns = codings(specification)
        progress("measure marginals", 0.0)
        used = bounded_rows(table, specification.unit, specification.rows_per_unit)
        plan = plan_measurements(columns, specification.rows_per_unit, single_share)
        measured = measure(encode(used, columns), columns, plan, mu, tails)
        return cls.from_measurements(specification, measured, progress)

    @classmethod
    def from_measurements(
        cls, specification: Specification, measured: Measured, progress: Progress = no_progress
    ) -> Self:
        """Return the model of noisy marginals. It reads no row."""
        fine = {name: np.clip(counts, 0, None) for name, counts in measured.fine.items()}
        scales = {name: scale / specification.rows_per_unit for name, scale in measured.scales.items()}
        return cls(specification, fit_marginals(measured, progress), measured.mergings, fine, scales)

    @cached_property
    def guarantee(self) -> Guarantee:
        """The guarantee of the recorded noise."""
        return Guarantee.from_noise(self.scales, self.specification.delta, self.specification.unit)

    def sample(self, rows: int | None, seed: int, given: Mapping[str, Any] | None = None) -> Iterator[pa.Table]:
        """Yield tables with `rows` rows in all. Every row meets the constraints and has the values in `given`.

        Raises:
            BadSpecification: a column or value in `given` is not in the domain.
            UnmetConstraint: the model gives too few such rows.
        """
        columns = codings(self.specification)
        conditions = _conditions(given or {}, columns)
        codes_given = {
            name: int(self.mergings[name].merged[code]) if name in self.mergings else code
            for name, (code, _) in conditions.items()
        }
        random = np.random.default_rng(seed)
        left = self.model.total if rows is None else rows
        drawn = kept = 0
        while left > 0:
            # Constraints reject some rows, so more are drawn than are wanted: as many as the share so far suggests.
            wanted = left if not drawn else min(max(left, round(1.1 * left * drawn / max(kept, 1))), CHUNK_ROWS)
            for codes in self.model.chunks(wanted, random, codes_given):
                made = self._decoded(codes, columns, {name: value for name, (_, value) in conditions.items()}, random)
                table = keep_rows(made, self.specification)
                drawn, kept = drawn + made.num_rows, kept + table.num_rows
                table = table.slice(0, left)
                left -= table.num_rows
                if table.num_rows:
                    yield table
                if not left:
                    return
                if drawn > CHUNK_ROWS and kept < _LEAST_KEPT * drawn:
                    raise UnmetConstraint(
                        f"Only {kept} of {drawn} drawn rows meet the constraints and conditions, fewer than one in "
                        f"{round(1 / _LEAST_KEPT)}; {left} rows are missing. Relax a constraint or a condition"
                    )

    def _decoded(
        self, codes: Mapping[str, Codes], columns: Mapping[str, Coding], given: Mapping[str, pa.Scalar],
        random: np.random.Generator,
    ) -> pa.Table:  # fmt: skip
        made = {}
        for name, coding in columns.items():
            if name in given:
                # The code of a number is a bin; the condition names one value of it.
                made[name] = pa.repeat(given[name], len(codes[name]))
                continue
            merging = self.mergings.get(name)
            split = codes[name] if merging is None else merging.split(codes[name], random)
            made[name] = coding.decode(split, self.fine.get(name, np.zeros(0)), random)
        return pa.table(made)


def _conditions(given: Mapping[str, Any], columns: Mapping[str, Coding]) -> dict[str, tuple[int, pa.Scalar]]:
    if unknown := sorted(given.keys() - columns.keys()):
        raise BadSpecification(f"conditions name {unknown}, which the model lacks; it has {sorted(columns)}")
    return {name: columns[name].condition(value) for name, value in given.items()}
