"""Lays out events as arrays: people, visits and lines with codes of the public domain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from privacy.synthetic.coding import CategoryCoding, Codes, coding_of
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.specification import Category

CLASSES = 11
"""Classes of people by their number of visits: none, 1, 2-3, 4-7, …, 512 or more."""


@dataclass(frozen=True)
class History:
    """Visits sorted by person and day, and lines with the index of their visit.

    visit_person, visit_day, visit_hour, visit_size: person (0 … people-1), day from the first, hour, lines.
    line_visit, line_item: visit and item of each line. line_number, visit_column: codes of further columns.
    """

    people: int
    visit_person: Codes
    visit_day: Codes
    visit_hour: Codes
    visit_size: Codes
    line_visit: Codes
    line_item: Codes
    line_number: dict[str, Codes]
    visit_column: dict[str, Codes]

    @property
    def visits(self) -> Codes:
        """Number of visits of each person."""
        return np.bincount(self.visit_person, minlength=self.people)

    @property
    def line_person(self) -> Codes:
        """Person of each line."""
        return self.visit_person[self.line_visit]


def class_of(visits: Codes) -> Codes:
    """Return the class of each number of visits."""
    return np.where(visits > 0, np.clip(np.log2(np.maximum(visits, 1)).astype(np.int64) + 1, 1, CLASSES - 1), 0)


def lay_out(people: pa.Array, events: pa.Table, specification: EventSpecification) -> History:
    """Return the events of the listed people. Events outside the days or with an unlisted item are left out.

    Raises:
        BadSpecification: the events lack a column, or the people are not distinct.
    """
    wanted = [specification.unit, specification.time, specification.item, *specification.numbers,
              *specification.order_columns, *((specification.order,) if specification.order else ())]  # fmt: skip
    if absent := [name for name in wanted if name not in events.column_names]:
        raise BadSpecification(f"the events have no columns {absent}; they have {sorted(events.column_names)}")
    if pc.count_distinct(people, mode="all").as_py() != len(people):
        raise BadSpecification(
            f"the people's table has two rows of one {specification.unit}; it needs one row a person"
        )
    columns = {name: events[name].combine_chunks() for name in wanted}
    person = _numbers(pc.index_in(columns[specification.unit], people.cast(columns[specification.unit].type)))
    item = CategoryCoding(specification.item, Category(values=specification.items)).encode(columns[specification.item])[
        0
    ]
    moment = _numbers(pc.cast(pc.cast(columns[specification.time], pa.timestamp("s"), safe=False), pa.int64()))
    day = moment // 86_400 - (specification.first.toordinal() - 719_163)
    keep = (person >= 0) & (item >= 0) & (day >= 0) & (day < specification.days) & (moment != -1)
    order = columns[specification.order] if specification.order else pa.array(moment)
    key = _numbers(order.dictionary_encode().indices)
    return _visits(specification, columns, person, day, moment // 3600 % 24, item, key, keep, len(people))


def _visits(
    specification: EventSpecification, columns: dict[str, pa.Array], person: Codes, day: Codes, hour: Codes, item: Codes,
    key: Codes, keep: np.ndarray[tuple[int], np.dtype[np.bool_]], people: int,
) -> History:  # fmt: skip
    lines = np.flatnonzero(keep)
    lines = lines[np.lexsort((key[lines], hour[lines], day[lines], person[lines]))]
    same = (np.diff(person[lines]) == 0) & (np.diff(key[lines]) == 0) & (np.diff(day[lines]) == 0)
    starts = np.r_[True, ~same][: len(lines)]
    visit = np.cumsum(starts) - 1
    rank = np.arange(len(lines)) - np.flatnonzero(starts)[visit] if len(lines) else lines
    first_of_person = np.r_[0, np.flatnonzero(np.diff(person[lines])) + 1][: len(lines)]
    opened = visit[first_of_person]
    number = visit - np.repeat(opened, np.diff(np.r_[first_of_person, len(lines)]))
    used = (rank < specification.most_lines) & (number < specification.most_orders)
    lines, visit = lines[used], visit[used]
    visits, line_visit, size = np.unique(visit, return_inverse=True, return_counts=True)
    heads = lines[np.unique(line_visit, return_index=True)[1]] if len(lines) else lines
    numbers = {
        name: coding_of(name, spec).encode(columns[name])[0][lines] for name, spec in specification.numbers.items()
    }
    extra = {name: coding_of(name, spec).encode(columns[name])[0][heads]
             for name, spec in specification.order_columns.items()}  # fmt: skip
    return History(
        people, person[heads], day[heads], hour[heads], np.asarray(size, np.int64), np.asarray(line_visit, np.int64),
        item[lines], numbers, extra,
    )  # fmt: skip


def _numbers(values: pa.Array) -> Codes:
    return np.asarray(pc.fill_null(values.cast(pa.int64()), -1).to_numpy(zero_copy_only=False), np.int64)
