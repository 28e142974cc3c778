"""Scores of people with their events: integrity of keys, and statistics of sequences as total variation distances."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from privacy.synthetic.coding import coding_of
from privacy.synthetic.evaluation.history_form import Histories, HistoryForm
from privacy.synthetic.event.measurement import item_groups, returns
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.spread import Codes, Weights

_OCTAVES = np.concatenate([[0], 2.0 ** np.arange(0, 15)])
"""Bounds of the numbers of visits that are counted together: none, 1, 2-3, 4-7, …"""
_MOST_LINES = 60
TITLES = {
    "cardinality": "Visits of a person",
    "gap": "Days between two visits",
    "weekday x hour": "Weekday and hour of events",
    "size": "Lines of a visit",
    "group": "Groups of items",
    "item": "Items",
    "interval": "Days until an item is bought again",
}


def integrity(histories: Histories, specification: EventSpecification) -> float:
    """Return the share of events that belong to exactly one person, in an order of that person only; 1 is right."""
    people, events, unit = histories.people, histories.events, specification.unit
    if not events.num_rows:
        return 1.0
    ids = people[unit].combine_chunks()
    counts = pc.value_counts(ids)
    once = counts.field("values").filter(pc.equal(counts.field("counts"), 1))
    fits = np.asarray(pc.is_in(events[unit], once).to_numpy(), bool)
    if specification.order is not None:
        order = _factorized(events[specification.order])
        person = _factorized(events[unit])
        pairs = np.unique(np.stack([order, person], 1), axis=0)
        shared = np.bincount(pairs[:, 0]) > 1
        fits &= ~shared[order]
    return float(fits.mean())


def _factorized(values: object) -> Codes:
    coded = values.unify_dictionaries().combine_chunks().dictionary_encode()  # type: ignore[attr-defined]
    return np.asarray(pc.fill_null(coded.indices.cast("int64"), -1).to_numpy(zero_copy_only=False), np.int64) + 1


def sequence_distances(real: HistoryForm, other: HistoryForm) -> dict[str, float]:
    """Return the total variation distance, 0 to 1, of each statistic of sequences; see `TITLES`.

    Besides those it has one for each column of numbers, within groups of items, and for each column of orders.
    """
    first, second = _statistics(real), _statistics(other)
    return {name: _distance(first[name], second[name]) for name in first}


def _distance(one: Weights, two: Weights) -> float:
    totals = one.sum(), two.sum()
    if min(totals) == 0:
        return float(totals[0] != totals[1])
    return float(np.abs(one / totals[0] - two / totals[1]).sum() / 2)


def _statistics(form: HistoryForm) -> Mapping[str, Weights]:
    """Return the histogram of each statistic."""
    history, spec = form.history, form.specification
    person, day = history.visit_person, history.visit_day
    weekday = (day + spec.first.weekday()) % 7
    how = (weekday * 24 + history.visit_hour)[history.line_visit]
    groups = item_groups(spec)[history.line_item]
    is_next = np.flatnonzero(np.diff(person) == 0) + 1
    _, again = returns(history.line_person, history.line_item, day[history.line_visit])
    found = {
        "cardinality": np.histogram(history.visits, _OCTAVES)[0].astype(np.float64),
        "gap": _counts(day[is_next] - day[is_next - 1], spec.days),
        "weekday x hour": _counts(how, 7 * 24),
        "size": _counts(np.minimum(history.visit_size, _MOST_LINES), _MOST_LINES + 1),
        "group": _counts(groups, len(spec.group_names)),
        "item": _counts(history.line_item, len(spec.items)),
        "interval": _counts(again, spec.days),
    }
    for name, number in spec.numbers.items():
        size = coding_of(name, number).size
        found[name] = _counts(groups * (size + 1) + history.line_number[name] + 1, len(spec.group_names) * (size + 1))
    for name, category in spec.order_columns.items():
        found[name] = _counts(history.visit_column[name] + 1, coding_of(name, category).size + 1)
    return found


def _counts(codes: npt.NDArray[np.int64], size: int) -> Weights:
    return np.bincount(codes, minlength=size).astype(np.float64)
