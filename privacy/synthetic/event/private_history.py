"""The differentially private synthesizer of people with their events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa

from privacy.synthetic.accounting import mu_of
from privacy.synthetic.coding import coding_of
from privacy.synthetic.event.calibration import calibrated
from privacy.synthetic.event.generation import Rhythm, draw_lines, draw_sizes, draw_visits
from privacy.synthetic.event.history import class_of, lay_out
from privacy.synthetic.event.measurement import (
    VISITS,
    EventMeasurements,
    drawn_visits,
    item_groups,
    measure_history,
    size_cell,
    size_group,
    visits_of,
)
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.spread import Codes, Weights, spread
from privacy.synthetic.synthesizer import Guarantee, Progress, no_progress, scaled

CHUNK_PEOPLE = 20_000


@dataclass(frozen=True)
class PrivateHistory:
    """A model of people and their events. `hour`: weekday × hour; see `EventMeasurements` for the other shares."""

    specification: EventSpecification
    people: PrivateTable
    rhythm: Rhythm
    hour: Weights
    hour_of_size: Weights
    number: Mapping[str, Weights]
    order: Mapping[str, Weights]
    scales: Mapping[str, float]

    kind = "private_history"

    @classmethod
    def fit(
        cls, people: pa.Table, events: pa.Table, specification: EventSpecification, progress: Progress = no_progress
    ) -> Self:
        """Return the model of the people and of their events. The caller has debited the budget before.

        Required columns: those that the specification names; `people` has one row a person. Events of a person who is
        not in `people` are left out. A fit has no seed, see `PrivateTable.fit`.

        Guarantee: (ε, δ)-DP of the specification for neighbours that differ in all rows of one person, of both tables.

        Raises:
            BadSpecification: the tables do not fit the specification.
        """
        progress("lay out events", 0.0)
        people, history = lay_out(people, events, specification)
        mu = mu_of(specification.epsilon, specification.delta)
        measured = measure_history(people, history, specification, mu, scaled(progress, 0.1, 0.5))
        return cls.from_measurements(specification, measured, scaled(progress, 0.5, 1.0))

    @classmethod
    def from_measurements(
        cls, specification: EventSpecification, measured: EventMeasurements, progress: Progress = no_progress
    ) -> Self:
        """Return the model of noisy histograms. It reads no row."""
        random = np.random.default_rng()
        visits = drawn_visits(measured.people, None, random)
        rhythm = calibrated(measured, visits, class_of(visits), specification, random, progress)
        return cls(
            specification,
            measured.people,
            rhythm,
            measured.hour,
            measured.hour_of_size,
            measured.number,
            measured.order,
            measured.scales,
        )

    @cached_property
    def guarantee(self) -> Guarantee:
        """The guarantee of the recorded noise."""
        return Guarantee.from_noise(self.scales, self.specification.delta, self.specification.unit)

    def sample(
        self, people: int | None, seed: int, given: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield pairs of tables: people with synthetic ids, and their events, the same for the same seed.

        Every person has the values in `given`, which names columns of the people's table.

        Raises:
            BadSpecification, UnmetConstraint: as `PrivateTable.sample`.
        """
        random = np.random.default_rng(seed)
        left = self.people.model.total if people is None else people
        done = 0
        while done < left:
            some = min(CHUNK_PEOPLE, left - done)
            yield self._chunk(some, done, random, given)
            done += some

    def _chunk(
        self, people: int, offset: int, random: np.random.Generator, given: Mapping[str, Any] | None
    ) -> tuple[pa.Table, pa.Table]:
        table = pa.concat_tables(self.people.sample(people, int(random.integers(2**31)), given))
        visits = visits_of(table[VISITS].to_numpy(), random)
        classes = class_of(visits)
        unit = pa.array([f"synthetic_{offset + number:08d}" for number in range(people)])
        people_table = table.drop_columns([VISITS]).add_column(0, self.specification.unit, unit)
        person, day = draw_visits(visits, classes, self.rhythm, random)
        sizes = draw_sizes(classes[person], self.rhythm, random)
        visit, item = draw_lines(person, day, classes, sizes, self.rhythm, random)
        hour = self._hours(day, sizes, random)
        return people_table, self._events(unit, person, day, hour, classes, visit, item, offset, random)

    def _hours(self, day: Codes, sizes: Codes, random: np.random.Generator) -> Codes:
        """Return the hour of each visit, by its weekday and by the group of its size."""
        groups = self.hour_of_size.shape[1]
        of_group = self.hour_of_size / np.maximum(self.hour_of_size.sum(0), 1e-12)
        of_all = np.maximum(self.hour_of_size.sum(1, keepdims=True), 1e-12)
        joint = self.hour[:, None, :] * (of_group / of_all).T[None] + 1e-12
        shares = (joint / joint.sum(2, keepdims=True)).reshape(-1, 24)
        weekday = (day + self.specification.first.weekday()) % 7
        return spread(weekday * groups + size_group(size_cell(sizes)), shares, random)

    def _events(
        self, unit: pa.Array, person: Codes, day: Codes, hour: Codes, classes: Codes, visit: Codes, item: Codes,
        offset: int, random: np.random.Generator,
    ) -> pa.Table:  # fmt: skip
        spec = self.specification
        second = random.integers(0, 3600, len(day))
        start = (spec.first.toordinal() - 719_163) * 86_400
        moment = pa.array(start + day * 86_400 + hour * 3600 + second, pa.int64()).cast(pa.timestamp("s"))
        columns: dict[str, Any] = {spec.unit: unit.take(pa.array(person[visit]))}
        if spec.order:
            columns[spec.order] = pa.array(visit + offset * spec.most_orders)
        columns[spec.time] = moment.take(pa.array(visit))
        columns[spec.item] = pa.array(spec.items).take(pa.array(item))
        group = item_groups(spec)[item]
        if spec.group_column:
            columns[spec.group_column] = pa.array(spec.group_names).take(pa.array(group))
        for name, shares in self.number.items():
            codes = spread(group, _shares(shares), random)
            columns[name] = coding_of(name, spec.numbers[name]).decode(codes, np.zeros(0), random)
        for name, shares in self.order.items():
            codes = spread(classes[person], _shares(shares), random)
            columns[name] = (
                coding_of(name, spec.order_columns[name]).decode(codes, np.zeros(0), random).take(pa.array(visit))
            )
        return pa.table(columns)


def _shares(joint: Weights) -> Weights:
    everyone = joint.sum(0) / max(joint.sum(), 1e-12)
    mass = joint.sum(1, keepdims=True)
    return np.asarray((joint + 1e-6 * everyone) / (mass + 1e-6), np.float64)
