"""Generates histories: visits by renewal, and items by an urn from which each person draws old items again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from privacy.anonymity.kernel.compilation import allocating_entry_point, kernel
from privacy.synthetic.event.measurement import return_cell
from privacy.synthetic.spread import Codes, Weights, spread

TRIES = 10
"""Draws of an item until one is not too soon. The last is taken as it is."""


@dataclass(frozen=True)
class Rhythm:
    """What histories are drawn from; the arrays are those of `EventMeasurements`, cumulated where drawing needs it.

    first: class × day of the first visit. gap: class × days to the next. weekday: factor of each day of the week, from
    the weekday of the first day on. size: class × cell of lines. item: items. renewal: class × θ of the urn.
    """

    days: int
    first: Weights
    gap: Weights
    weekday: Weights
    size: Weights
    size_low: Codes
    size_high: Codes
    item: Weights
    renewal: Weights
    patience: Weights


def draw_visits(visits: Codes, classes: Codes, rhythm: Rhythm, random: np.random.Generator) -> tuple[Codes, Codes]:
    """Return the person and the day of each visit. After the last day, days go on from the first."""
    seed = int(random.integers(2**31))
    return _visits(visits, classes, rhythm.first, rhythm.gap, rhythm.weekday, rhythm.days, seed)


def draw_lines(
    person: Codes, day: Codes, classes: Codes, sizes: Codes, rhythm: Rhythm, random: np.random.Generator
) -> tuple[Codes, Codes]:
    """Return the visit and the item of each line. `person` and `day` describe each visit, in order.

    The n-th line of a person is a new draw from `item` with probability θ/(θ+n), else one of the person's earlier lines
    again (Blackwell and MacQueen 1973). So people repeat themselves. A draw that comes too soon after the last purchase
    of the item is drawn anew.
    """
    seed = int(random.integers(2**31))
    visit = np.repeat(np.arange(len(person)), sizes)
    patience = rhythm.patience[return_cell(np.arange(rhythm.days))]
    return visit, _urn(person, day, classes, sizes, np.cumsum(rhythm.item), rhythm.renewal, patience, seed)


def draw_sizes(classes: Codes, rhythm: Rhythm, random: np.random.Generator) -> Codes:
    """Return the number of lines of visits of people of these classes."""
    cell = spread(classes, rhythm.size, random)
    low, high = rhythm.size_low[cell], rhythm.size_high[cell]
    return np.maximum(1, low + np.floor(random.random(len(cell)) * (high - low + 1)).astype(np.int64))


@kernel
def _pick(cumulated: Weights) -> int:  # pragma: no cover
    found = np.searchsorted(cumulated, np.random.random() * cumulated[-1], side="right")
    return int(min(found, len(cumulated) - 1))


@allocating_entry_point
def _visits(
    visits: Codes, classes: Codes, first: Weights, gap: Weights, weekday: Weights, days: int, seed: int
) -> tuple[Codes, Codes]:  # pragma: no cover
    np.random.seed(seed)
    total = visits.sum()
    person, day = np.empty(total, np.int64), np.empty(total, np.int64)
    weight = np.empty(gap.shape[1])
    at = 0
    for one in range(len(visits)):
        kind = classes[one]
        if visits[one] == 0:
            continue
        now = _pick(np.cumsum(first[kind]))
        start = at
        for number in range(visits[one]):
            if number > 0:
                for step in range(len(weight)):
                    weight[step] = gap[kind, step] * weekday[(now + step) % days % 7]
                now = (now + _pick(np.cumsum(weight))) % days
            person[at], day[at] = one, now
            at += 1
        day[start:at] = np.sort(day[start:at])
    return person, day


@allocating_entry_point
def _urn(
    person: Codes, day: Codes, classes: Codes, sizes: Codes, cumulated: Weights, renewal: Weights, patience: Weights,
    seed: int,
) -> Codes:  # fmt: skip  # pragma: no cover
    np.random.seed(seed)
    items = np.empty(sizes.sum(), np.int64)
    bought = np.full(len(cumulated), -1, np.int64)
    at, start, last = 0, 0, -1
    for visit in range(len(sizes)):
        if person[visit] != last:
            start, last = at, person[visit]
            bought[:] = -1
        theta = renewal[classes[person[visit]]]
        for _ in range(sizes[visit]):
            drawn, item = at - start, 0
            for _ in range(TRIES):
                if np.random.random() * (theta + drawn) < theta:
                    item = _pick(cumulated)
                else:
                    item = items[start + np.random.randint(0, drawn)]
                if bought[item] < 0 or np.random.random() < patience[day[visit] - bought[item]]:
                    break
            bought[item] = day[visit]
            items[at] = item
            at += 1
    return items
