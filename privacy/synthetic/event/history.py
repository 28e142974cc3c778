"""Lays out events as arrays: people, visits and lines with codes of the public domain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.synthetic.category_coding import CategoryCoding
from privacy.synthetic.coding import Coding, coding_of, require_columns
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.number_coding import NumberCoding
from privacy.synthetic.number_kind import MOMENT, day_number
from privacy.synthetic.specification import Category, ColumnSpec, Number
from privacy.synthetic.spread import Codes

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


def require_event_columns(people: pa.Schema, events: pa.Schema, specification: EventSpecification) -> None:
    """Check names and types of the columns of both tables. It reads no row, so it comes before the debit.

    Raises:
        BadSpecification: a column is absent, or has a type that its kind does not accept.
    """
    unit, order = specification.unit, specification.order
    if absent := [name for name in (unit, *((order,) if order else ())) if name not in events.names]:
        raise BadSpecification(f"the events have no columns {absent}; they have {sorted(events.names)}")
    if unit not in people.names:
        raise BadSpecification(f"the people's table has no column {unit}; it has {sorted(people.names)}")
    if people.field(unit).type != events.field(unit).type:
        found = f"{people.field(unit).type} and {events.field(unit).type}"
        raise BadSpecification(f"{unit} holds {found} in the two tables; expected one type")
    require_columns(people, {name: coding_of(name, spec) for name, spec in specification.people.items()})
    require_columns(events, _event_codings(specification))


def lay_out(people: pa.Table, events: pa.Table, specification: EventSpecification) -> tuple[pa.Table, History]:
    """Return the people who have an identifier, and their events within the days and with a listed item.

    Raises:
        BadSpecification: a table lacks a column, or two rows of the people have one identifier.
    """
    require_event_columns(people.schema, events.schema, specification)
    unit = specification.unit
    people = people.filter(people[unit].is_valid())
    known = people[unit].combine_chunks()
    if pc.count_distinct(known).as_py() != len(known):
        raise BadSpecification(f"the people's table has two rows of one {unit}; it needs one row a person")
    # One type and no nulls, so each event finds the one row of its person.
    events = events.filter(pc.is_in(events[unit], known)).unify_dictionaries().combine_chunks()
    person = np.asarray(pc.index_in(events[unit], known).combine_chunks().to_numpy(), np.int64)
    codings = _event_codings(specification)
    moment = _moments(specification).numbers(events[specification.time].combine_chunks())
    has_moment = ~np.isnan(moment)
    second = np.where(has_moment, moment, 0).astype(np.int64)
    order = pa.array(second) if specification.order is None else events[specification.order].combine_chunks()
    columns = {
        name: codings[name].encode(events[name].combine_chunks())[0] for name in codings if name != specification.time
    }
    lines = _Lines(
        person,
        second // 86_400 - int(day_number(specification.first)),
        second // 3600 % 24,
        np.asarray(pc.fill_null(order.dictionary_encode().indices.cast(pa.int64()), -1).to_numpy(), np.int64),
        columns,
    )
    used = has_moment & (columns[specification.item] >= 0) & (lines.day >= 0) & (lines.day < specification.days)
    return people, _visits(specification, lines, used, len(people))


@dataclass(frozen=True)
class _Lines:
    """One code a line: its person, day, hour, order, and further columns."""

    person: Codes
    day: Codes
    hour: Codes
    order: Codes
    columns: dict[str, Codes]


def _event_codings(specification: EventSpecification) -> dict[str, Coding]:
    specs: dict[str, ColumnSpec] = {**specification.numbers, **specification.order_columns}
    # Items are more than a category may list: they have a histogram of their own and are in no pair of columns.
    item = CategoryCoding(specification.item, Category.model_construct(values=specification.items))
    made = {name: coding_of(name, spec) for name, spec in specs.items()}
    return {**made, specification.item: item, specification.time: _moments(specification)}


def _moments(specification: EventSpecification) -> NumberCoding:
    return NumberCoding(specification.time, Number(minimum=0, maximum=1), MOMENT)


def _visits(specification: EventSpecification, lines: _Lines, used: npt.NDArray[np.bool_], people: int) -> History:
    """Return visits: lines of one person, day and order. A visit's hour is that of its first line."""
    chosen = np.flatnonzero(used)
    person, day, order = lines.person, lines.day, lines.order
    chosen = chosen[np.lexsort((lines.hour[chosen], order[chosen], day[chosen], person[chosen]))]
    same = (np.diff(person[chosen]) == 0) & (np.diff(order[chosen]) == 0) & (np.diff(day[chosen]) == 0)
    starts = np.r_[True, ~same][: len(chosen)]
    visit = np.cumsum(starts) - 1
    rank = np.arange(len(chosen)) - np.flatnonzero(starts)[visit] if len(chosen) else chosen
    first_of_person = np.r_[0, np.flatnonzero(np.diff(person[chosen])) + 1][: len(chosen)]
    number = visit - np.repeat(visit[first_of_person], np.diff(np.r_[first_of_person, len(chosen)]))
    within = (rank < specification.most_lines) & (number < specification.most_orders)
    chosen, visit = chosen[within], visit[within]
    _, heads, line_visit, size = np.unique(visit, return_index=True, return_inverse=True, return_counts=True)
    heads = chosen[heads]
    return History(
        people, person[heads], day[heads], lines.hour[heads], np.asarray(size, np.int64),
        np.asarray(line_visit, np.int64), lines.columns[specification.item][chosen],
        {name: lines.columns[name][chosen] for name in specification.numbers},
        {name: lines.columns[name][heads] for name in specification.order_columns},
    )  # fmt: skip
