"""People with their events in the forms that scores and attacks need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from privacy.synthetic.attack.canary import made_up_values
from privacy.synthetic.coding import coding_of
from privacy.synthetic.event.history import History, lay_out
from privacy.synthetic.event.measurement import SIZES, VISIT_BINS, item_groups, size_cell, visit_bin
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.number_kind import MOMENT, day_number
from privacy.synthetic.specification import Category, ColumnSpec, Number, Specification
from privacy.synthetic.spread import Codes
from privacy.synthetic.table_form import Numbers, TableForm

NO_GROUP = "none"


@dataclass(frozen=True)
class Histories:
    """A table of people, one row each, and a table of their events; see `EventSpecification`."""

    people: pa.Table
    events: pa.Table

    def of(self, people: pa.Table, unit: str) -> Histories:
        """Return some of the people with their events."""
        known = people[unit].combine_chunks()
        return Histories(people, self.events.filter(pc.is_in(self.events[unit], known)))


@dataclass(frozen=True)
class HistoryForm:
    """Histories with their events laid out. `people` are those with an identifier."""

    histories: Histories
    specification: EventSpecification

    @cached_property
    def _laid_out(self) -> tuple[pa.Table, History]:
        return lay_out(self.histories.people, self.histories.events, self.specification)

    @property
    def history(self) -> History:
        """The events as arrays."""
        return self._laid_out[1]

    @property
    def rows(self) -> int:
        """Number of people."""
        return int(self._laid_out[0].num_rows)

    def sample(self, people: int, seed: int) -> HistoryForm:
        """Return a random sample of the people with all their events; everybody if there are not more."""
        if people >= self.rows:
            return self
        table = self._laid_out[0]
        chosen = np.sort(np.random.default_rng(seed).choice(self.rows, people, replace=False))
        return HistoryForm(self.histories.of(table.take(pa.array(chosen)), self.specification.unit), self.specification)

    @cached_property
    def person_form(self) -> TableForm:
        """A table of people with their columns and a summary of their events, for attacks on people.

        Besides the specification's columns it has the unit, which no attack looks at.
        """
        table, spec = self._laid_out[0], self.specification
        made = {name: pa.array(values) for name, values in _summary(self.history, spec).items()}
        columns = {spec.unit: table[spec.unit], **{name: table[name] for name in spec.people}, **made}
        return TableForm(pa.table(columns), Specification(columns={**spec.people, **summary_domain(spec)}))

    def lines(self, most: int | None, seed: int) -> Numbers:
        """Return moment, item and numbers of events, at most `most` of them, chosen at random; one row an event."""
        spec, events = self.specification, self.histories.events
        if most is not None and events.num_rows > most:
            chosen = np.random.default_rng(seed).choice(events.num_rows, most, replace=False)
            events = events.take(pa.array(np.sort(chosen)))
        moment = MOMENT.read(events[spec.time].combine_chunks())
        item = pc.index_in(events[spec.item].cast(pa.string()), pa.array(spec.items)).combine_chunks()
        numbers = [_floats(events[name]) for name in spec.numbers]
        return np.stack([moment, _floats(item), *numbers], 1)


def _floats(values: pa.Array | pa.ChunkedArray) -> Numbers:
    return np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


def summary_domain(specification: EventSpecification) -> dict[str, ColumnSpec]:
    """Return the public domain of the summary of a person's events."""
    groups = tuple(dict.fromkeys([*specification.group_names, NO_GROUP]))
    return {
        "visits (half octaves)": Number(minimum=0, maximum=VISIT_BINS - 1, bins=VISIT_BINS, decimals=0),
        "lines of a visit": Number(minimum=0, maximum=SIZES - 1, bins=SIZES, decimals=0),
        "different items": Number(minimum=0, maximum=SIZES - 1, bins=SIZES, decimals=0),
        "favourite group": Category(values=groups),
        "favourite weekday": Number(minimum=-1, maximum=6, bins=8, decimals=0),
        "favourite hour": Number(minimum=-1, maximum=23, bins=25, decimals=0),
        "first week": Number(minimum=-1, maximum=specification.days // 7, bins=54, decimals=0),
    }


def _summary(history: History, specification: EventSpecification) -> dict[str, Codes | list[str]]:
    people, visits = history.people, history.visits
    person, line_person = history.visit_person, history.line_person
    groups = item_groups(specification)[history.line_item]
    weekday = (history.visit_day + specification.first.weekday()) % 7
    group = _favourite(line_person, groups, people, len(specification.group_names))
    size = np.bincount(person, history.visit_size, people) / np.maximum(1, visits)
    pairs = np.unique(line_person * (len(specification.items) + 1) + history.line_item)
    first = np.full(people, specification.days)
    np.minimum.at(first, person, history.visit_day)
    names = [*specification.group_names, NO_GROUP]
    values: list[Codes | list[str]] = [
        visit_bin(visits),
        size_cell(np.round(size).astype(np.int64)),
        size_cell(np.bincount(pairs // (len(specification.items) + 1), minlength=people)),
        [names[one] for one in group],
        _favourite(person, weekday, people, 7),
        _favourite(person, history.visit_hour, people, 24),
        np.where(visits > 0, first // 7, -1),
    ]
    return dict(zip(summary_domain(specification), values, strict=True))


def _favourite(person: Codes, value: Codes, people: int, size: int) -> Codes:
    """Return each person's most frequent value, of several the first; -1 without any."""
    counts = np.bincount(person * size + value, minlength=people * size).reshape(people, size)
    return np.where(counts.sum(1) > 0, counts.argmax(1), -1)


def shuffled(histories: Histories, specification: EventSpecification, seed: int) -> Histories:
    """Return histories whose every column was shuffled by itself: the reference of a model that relates nothing.

    The group goes with the item.
    """
    random = np.random.default_rng(seed)
    together = (specification.item, specification.group_column)
    order = {name: random.permutation(histories.events.num_rows) for name in histories.events.column_names}
    events = {name: histories.events[name].take(pa.array(order[specification.item if name in together else name]))
              for name in histories.events.column_names}  # fmt: skip
    people = {name: histories.people[name] if name == specification.unit
              else histories.people[name].take(pa.array(random.permutation(histories.people.num_rows)))
              for name in histories.people.column_names}  # fmt: skip
    return Histories(pa.table(people), pa.table(events))


_VISITS_OF_CANARY = 12


def make_up_histories(like: Histories, specification: EventSpecification, count: int, seed: int) -> Histories:
    """Return made-up people for canaries: each buys one item of its own choice at one hour, on twelve random days.

    Their tables have the columns that the specification names, in the types of `like`.
    """
    random, spec = np.random.default_rng(seed), specification
    lines = np.repeat(np.arange(count), _VISITS_OF_CANARY)
    unit = _new_ids(like.people[spec.unit], count)
    day = random.integers(spec.days, size=len(lines))
    moment = day_number(spec.first) * 86_400 + day * 86_400 + random.integers(24, size=count)[lines] * 3600
    item = random.integers(len(spec.items), size=count)[lines]
    events = {spec.unit: unit.take(pa.array(lines)), spec.item: pa.array(spec.items).take(pa.array(item)),
              spec.time: pa.array(moment.astype(np.int64)).cast(pa.timestamp("s"))}  # fmt: skip
    if spec.order is not None:
        events[spec.order] = _new_ids(like.events[spec.order], len(lines))
    drawn: dict[str, ColumnSpec] = {**spec.numbers, **spec.order_columns}
    for name, column in drawn.items():
        events[name] = made_up_values(coding_of(name, column), like.events.schema.field(name).type, len(lines), random)
    people = {spec.unit: unit}
    for name, column in spec.people.items():
        people[name] = made_up_values(coding_of(name, column), like.people.schema.field(name).type, count, random)
    kinds = pa.schema([like.events.schema.field(name) for name in events])
    return Histories(pa.table(people), pa.table(events).cast(_plain(kinds)))


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return the schema with the value types of dictionaries."""
    return pa.schema([field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
                      for field in schema])  # fmt: skip


def _new_ids(values: pa.ChunkedArray, count: int) -> pa.Array:
    """Return identifiers of the same type that no row has."""
    if pa.types.is_integer(values.type):
        last = pc.max(values).as_py() or 0
        return pa.array(range(last + 1, last + 1 + count), values.type)
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    return pa.array([f"canary {number}" for number in range(count)]).cast(kind)
