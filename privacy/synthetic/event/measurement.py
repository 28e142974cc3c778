"""Measures the histograms from which histories are generated, and the table of people, within one Gaussian budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from privacy.synthetic.coding import coding_of, codings
from privacy.synthetic.event.contribution import BIAS, bounded_histogram, denoised, shrunk
from privacy.synthetic.event.history import CLASSES, History, class_of
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.marginal.measurement import table_scales
from privacy.synthetic.marginal.merging import tail_start
from privacy.synthetic.noise import add_fine_noise
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.specification import Number, Specification
from privacy.synthetic.spread import Codes, Weights
from privacy.synthetic.synthesizer import Progress, no_progress, scaled

ACTIVITY = np.array([0, 5, 7, 8])
"""First class of each group of people among whom the number of lines of a visit may differ."""
VISITS = "~visits"
"""Column of the people's model: the logarithm of the number of visits, in `VISIT_BINS` bins; bin 0 is no visit."""
VISIT_BINS = 21
SIZES = 19
"""Cells of the number of lines of a visit or of different items: 0 to 7 each, then two to an octave."""
SIZE_GROUPS = np.array([0, 3, 8, 12])
"""First cell of each group of sizes by which the hour of a visit may differ."""
MOST_GAP = 120
"""Days between two visits that have a cell of their own."""
RETURNS = 64
"""Cells of the days between two purchases of one item: 0 to 42 days each, then weeks; the last is half a year on."""
SHARES = {
    "people": 0.14, "hour": 0.21, "hour_of_size": 0.08, "gap": 0.06, "first": 0.01, "size": 0.06, "mean_size": 0.02,
    "item": 0.18, "group": 0.09, "variety": 0.02, "again": 0.05, "number": 0.04, "order": 0.04,
}  # fmt: skip
"""Shares of the budget, set by hand on two markets. Those of absent columns go to the other histograms."""


@dataclass(frozen=True)
class EventMeasurements:
    """Noisy shares, each summing to 1 over its last axis unless stated, and σ/Δ of every noise that was drawn.

    hour: weekday × hour of visits. hour_of_size: hour × group of sizes. gap: class × days to the next visit.
    first: class × week of the first visit. size: group of activity × lines of a visit; mean_size: their mean.
    item: items. variety: class × number of different items (counts of people). again: days until an item is bought
    again. number, order: group × bins of a number; class × values of a column.
    """

    people: PrivateTable
    hour: Weights
    hour_of_size: Weights
    gap: Weights
    first: Weights
    size: Weights
    mean_size: float
    item: Weights
    variety: Weights
    again: Weights
    number: Mapping[str, Weights]
    order: Mapping[str, Weights]
    scales: Mapping[str, float]


_TIME_BIAS = 0.04
"""As `BIAS`, for hours: people differ less in when they come."""
_PER_VISIT = {"hour": 1.0, "hour_of_size": 1.0, "gap": 1.0, "size": 1.0, "mean_size": 16.0}
"""Events of a visit that each histogram counts; the others count lines."""


class _Noise:
    """Draws the noise of one history with its share of the budget, and records each deviation."""

    def __init__(self, history: History, mu: float, visits: float) -> None:
        self.history, self.mu, self.visits, self.visit_size = history, mu, visits, 1.0
        self.scales: dict[str, float] = {}

    def events(
        self, name: str, person: Codes, cell: Codes, shape: tuple[int, ...], parts: int = 1, cuts_tail: bool = False
    ) -> Weights:
        """Return noisy shares of events, denoised over all cells.

        parts: histograms that share the budget of `name`. cuts_tail: the last cells of a row become 0 if they may be
        noise.
        """
        mu = self.mu * math.sqrt(SHARES[name.split(":")[0]] / parts)
        events = self.visits * _PER_VISIT.get(name, self.visit_size)
        bias = _TIME_BIAS if name.startswith("hour") else BIAS
        made = bounded_histogram(person, cell, math.prod(shape), mu, events, bias)
        self.scales |= {f"{name}:{index}": scale for index, scale in enumerate(made.scales)}
        counts = made.counts.reshape(shape)
        if len(shape) == 2:
            counts = shrunk(counts, made.noise)
        if cuts_tail:
            cells = np.arange(shape[-1])
            starts = [tail_start(row, made.noise) for row in counts.reshape(-1, shape[-1])]
            counts = np.where(cells <= np.array(starts).reshape(*shape[:-1], 1), counts, 0)
        return denoised(counts, made.noise)

    def persons(self, name: str, cell: Codes, shape: tuple[int, ...]) -> Weights:
        """Return noisy counts of people, each in at most one cell."""
        counts = np.bincount(cell, minlength=math.prod(shape)).astype(np.int64)
        drawn, self.scales[name] = add_fine_noise(counts, 1.0, self.mu * math.sqrt(SHARES[name]))
        total = max(1.0, float(drawn.sum()))
        return denoised(drawn, self.scales[name]).reshape(shape) * total


_SINGLE_SHARE = 0.4
"""Of the people's budget, for single columns: a few people too many who come every day would double the events."""


def history_cells(specification: EventSpecification) -> int:
    """Return the number of noisy counts of a history, without those of the people's model."""
    groups, weeks = len(specification.group_names), -(-specification.days // 7)
    cells = 7 * 24 + 24 * len(SIZE_GROUPS) + CLASSES * (MOST_GAP + 1 + weeks + SIZES) + len(ACTIVITY) * SIZES + RETURNS
    cells += len(specification.items) + groups
    cells += groups * sum(coding_of(name, spec).size for name, spec in specification.numbers.items())
    return cells + CLASSES * sum(coding_of(name, spec).size for name, spec in specification.order_columns.items())


def history_scales(specification: EventSpecification) -> set[str]:
    """Return the names of the measurements of a history: two of each histogram of events, see `bounded_histogram`."""
    events = ["hour", "hour_of_size", "gap", "size", "mean_size", "item", "group", "again"]
    events += [f"number:{name}" for name in specification.numbers]
    events += [f"order:{name}" for name in specification.order_columns]
    people = table_scales(codings(people_specification(specification)), 1)
    return (
        {f"{name}:{part}" for name in events for part in (0, 1)}
        | {"first", "variety"}
        | {f"people:{name}" for name in people}
    )


def measure_history(
    people: pa.Table, history: History, specification: EventSpecification, mu: float, progress: Progress = no_progress
) -> EventMeasurements:
    """Return the noisy histograms of a history, and the model of the people's table.

    Guarantee: μ-GDP for neighbours that differ in all rows of one person, of both tables.
    """
    # What absent columns do not spend is spent by the others.
    absent = {"number": not specification.numbers, "order": not specification.order_columns}
    mu /= math.sqrt(1 - sum(SHARES[name] for name, is_absent in absent.items() if is_absent))
    person, day, visits = history.visit_person, history.visit_day, history.visits
    classes = class_of(visits)
    is_first = np.r_[True, np.diff(person) != 0][: len(person)]
    weekday = (day + specification.first.weekday()) % 7
    gap = np.clip(np.diff(day, prepend=0), 0, MOST_GAP)
    size = size_cell(history.visit_size)
    weeks = -(-specification.days // 7)
    distinct, again_person, again = _purchases(history)
    model = _people(people, visits, specification, mu, scaled(progress, 0.0, 0.8))
    progress("measure events", 0.8)
    random = np.random.default_rng()
    noise = _Noise(history, mu, float(drawn_visits(model, None, random).sum()))
    noise.visit_size = mean_size = _mean_size(noise)
    noise.scales |= {f"people:{name}": scale for name, scale in model.scales.items()}
    return EventMeasurements(
        people=model,
        hour=noise.events("hour", person, weekday * 24 + history.visit_hour, (7, 24)),
        hour_of_size=noise.events("hour_of_size", person, history.visit_hour * len(SIZE_GROUPS) + size_group(size),
                                  (24, len(SIZE_GROUPS))),
        gap=noise.events("gap", person[~is_first], classes[person[~is_first]] * (MOST_GAP + 1) + gap[~is_first],
                         (CLASSES, MOST_GAP + 1)),
        first=noise.persons("first", classes[person[is_first]] * weeks + day[is_first] // 7, (CLASSES, weeks)),
        size=noise.events("size", person, activity(classes[person]) * SIZES + size, (len(ACTIVITY), SIZES),
                          cuts_tail=True),
        mean_size=mean_size,
        item=_items(noise, history, specification),
        variety=noise.persons("variety", classes * SIZES + size_cell(distinct), (CLASSES, SIZES)),
        again=noise.events("again", again_person, return_cell(again), (RETURNS,)),
        number=_numbers(noise, history, specification),
        order=_orders(noise, history, classes, specification),
        scales=noise.scales,
    )  # fmt: skip


def size_cell(size: Codes) -> Codes:
    """Return the cell of a number of lines or items: itself up to 7, then two cells an octave.

    >>> size_cell(np.array([1, 7, 8, 11, 12, 1000]))
    array([ 1,  7,  8,  8,  9, 18])
    """
    grown = 8 + np.floor(np.log2(np.maximum(size, 8) / 8) * 2 + 1e-9).astype(np.int64)
    return np.where(size < 8, size, np.minimum(grown, SIZES - 1))


def return_cell(days: Codes) -> Codes:
    """Return the cell of the days between two purchases of one item.

    >>> return_cell(np.array([1, 42, 43, 49, 50, 400]))
    array([ 1, 42, 43, 43, 44, 63])
    """
    return np.minimum(np.where(days <= 42, days, 43 + (days - 43) // 7), RETURNS - 1)


def activity(classes: Codes) -> Codes:
    """Return the group of activity of each class of people."""
    return np.searchsorted(ACTIVITY, classes, "right") - 1


def size_group(cell: Codes) -> Codes:
    """Return the group of each cell of sizes."""
    return np.searchsorted(SIZE_GROUPS, cell, "right") - 1


def size_bounds() -> tuple[Codes, Codes]:
    """Return the least and the largest size of each cell; the last cell has one size."""
    every = np.arange(1 << 12)
    cell = size_cell(every)
    low = np.array([every[cell == one].min() for one in range(SIZES)])
    return low, np.r_[low[1:] - 1, low[-1]]


def visit_bin(visits: Codes) -> Codes:
    """Return the bin of a number of visits: 0, then two bins an octave."""
    return np.where(
        visits > 0, np.minimum(1 + np.floor(np.log2(np.maximum(visits, 1)) * 2 + 1e-9), VISIT_BINS - 1), 0
    ).astype(np.int64)


def drawn_visits(people: PrivateTable, rows: int | None, random: np.random.Generator) -> Codes:
    """Return numbers of visits of people that the model draws."""
    table = pa.concat_tables(people.sample(rows, int(random.integers(2**31))))
    return visits_of(table[VISITS].to_numpy(), random)


def visits_of(bins: Codes, random: np.random.Generator) -> Codes:
    """Return a number of visits within each bin, see `visit_bin`."""
    low, high = 2 ** ((bins - 1) / 2), 2 ** (bins / 2)
    first, last = np.ceil(low - 1e-9), np.maximum(np.ceil(low - 1e-9), np.ceil(high - 1e-9) - 1)
    drawn = first + np.floor(random.random(len(bins)) * (last - first + 1))
    return np.where(bins == 0, 0, drawn).astype(np.int64)


def people_specification(specification: EventSpecification) -> Specification:
    """Return the specification of the people's model, whose further column `VISITS` is the number of visits."""
    number = Number(minimum=0, maximum=VISIT_BINS - 1, bins=VISIT_BINS, decimals=0)
    return specification.of_people({VISITS: number})


def _people(
    people: pa.Table, visits: Codes, specification: EventSpecification, mu: float, progress: Progress
) -> PrivateTable:
    column = pa.array(visit_bin(visits))
    wanted = people_specification(specification)
    part = mu * math.sqrt(SHARES["people"])
    return PrivateTable.fit_part(people.append_column(VISITS, column), wanted, part, progress, _SINGLE_SHARE, (VISITS,))


def _purchases(history: History) -> tuple[Codes, Codes, Codes]:
    """Return each person's number of different items; and, for each return to an item, its person and days between."""
    person = history.line_person
    items = int(history.line_item.max(initial=0)) + 1
    bought = np.unique(person * items + history.line_item) // items
    again_person, again = returns(person, history.line_item, history.visit_day[history.line_visit])
    return np.bincount(bought, minlength=history.people), again_person, again


def returns(person: Codes, item: Codes, day: Codes) -> tuple[Codes, Codes]:
    """Return for each day on which a person buys an item again: the person, and the days since the day before."""
    items, days = int(item.max(initial=0)) + 1, int(day.max(initial=0)) + 1
    key = np.unique((person * items + item) * days + day)
    pair, when = key // days, key % days
    again = np.flatnonzero(np.diff(pair) == 0) + 1
    return pair[again] // items, when[again] - when[again - 1]


def _numbers(noise: _Noise, history: History, specification: EventSpecification) -> dict[str, Weights]:
    group = item_groups(specification)[history.line_item]
    made = {}
    for name, spec in specification.numbers.items():
        size, codes = coding_of(name, spec).size, history.line_number[name]
        ok = codes >= 0
        shape = (len(specification.group_names), size)
        cell = group[ok] * size + codes[ok]
        made[name] = noise.events(f"number:{name}", history.line_person[ok], cell, shape, len(specification.numbers))
    return made


def _orders(noise: _Noise, history: History, classes: Codes, specification: EventSpecification) -> dict[str, Weights]:
    made = {}
    for name, spec in specification.order_columns.items():
        size, codes = coding_of(name, spec).size, history.visit_column[name]
        ok = codes >= 0
        cell = classes[history.visit_person[ok]] * size + codes[ok]
        parts = len(specification.order_columns)
        made[name] = noise.events(f"order:{name}", history.visit_person[ok], cell, (CLASSES, size), parts)
    return made


def _mean_size(noise: _Noise) -> float:
    """Return the noisy mean number of lines of a visit."""
    history = noise.history
    # A visit counts eight times, about as much as its lines, so that both have noise of the same relative size.
    person = np.concatenate([np.repeat(history.visit_person, 8), history.line_person])
    is_line = np.repeat([0, 1], [8 * len(history.visit_person), len(history.line_person)])
    visits, lines = noise.events("mean_size", person, is_line, (2,))
    return float(max(1.0, 8 * lines / max(visits, 1e-9)))


def _items(noise: _Noise, history: History, specification: EventSpecification) -> Weights:
    """Return the shares of items, made to agree with the groups' shares, whose noise is smaller."""
    groups = item_groups(specification)
    number = len(specification.group_names)
    items = noise.events("item", history.line_person, history.line_item, (len(groups),))
    wanted = noise.events("group", history.line_person, groups[history.line_item], (number,))
    found = np.bincount(groups, items, number)
    agreed = items * np.where(found > 0, wanted / np.where(found > 0, found, 1), 0)[groups]
    return np.asarray(agreed / agreed.sum(), np.float64)


def item_groups(specification: EventSpecification) -> Codes:
    """Return the code of each item's group."""
    code = {name: index for index, name in enumerate(specification.group_names)}
    return np.array([code[group] for group in specification.groups.values()], np.int64)
