"""Reads the rows of customers who permit the purpose of a request, and the public list of items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.synthetic.person_split import Rows
from pipelines.synthetic.request import EventRequest, SyntheticRequest
from privacy.consent.view import ConsentView
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.fit import AnySpecification
from privacy.synthetic.specification import Category, ColumnSpec, Number, Specification

Kind = TypeVar("Kind", Category, Number)
_NO_GROUP = "none"
"""Group of items whose table states none."""


def specification_of(request: SyntheticRequest, contracts: Contracts, lakehouse: Lakehouse) -> AnySpecification:
    """Return the specification of a request. Only the table of items is read, which is not about persons.

    Raises:
        BadSpecification: a column has no public domain, or may not serve the purpose.
        ReleaseError: the contracts do not allow the request.
        LakehouseError: the table of items does not exist.
    """
    unit, domains = request.require(contracts)
    people = {name: domains[name] for name in request.columns}
    if request.events is None:
        return Specification(
            columns=people, unit=unit, rows_per_unit=request.rows_per_unit, epsilon=request.epsilon,
            delta=request.delta, constraints=request.constraints, origin=request.source,
        )  # fmt: skip
    events = request.events
    return EventSpecification(
        unit=unit, people=people, time=events.time, first=events.first, last=events.last, order=events.order,
        item=events.item, groups=_groups(events, lakehouse), group_column=events.items.group,
        numbers=_of_kind(events.numbers, domains, Number),
        order_columns=_of_kind(events.order_columns, domains, Category),
        most_orders=events.most_orders, most_lines=events.most_lines,
        constraints=request.constraints,
        epsilon=request.epsilon, delta=request.delta, origin=request.source,
    )  # fmt: skip


def read_rows(request: SyntheticRequest, unit: str, lakehouse: Lakehouse, view: ConsentView) -> Rows:
    """Return the rows of customers who permit the request's purpose at the view's moment.

    Raises:
        LakehouseError: a table does not exist.
    """
    people = lakehouse.rows(request.source, (unit, *request.columns))
    customers = pc.unique(people[unit]).drop_null().to_pylist()
    permitted = pa.array([one for one in customers if view.is_permitted(one, request.purpose)], pa.string())
    events = None
    if request.events is not None:
        events = _of(lakehouse.rows(request.events.source, (unit, *request.events.columns)), unit, permitted)
    return Rows(_of(people, unit, permitted), events, unit, len(customers), len(permitted))


def _of(table: pa.Table, unit: str, customers: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table[unit], customers))


def _groups(events: EventRequest, lakehouse: Lakehouse) -> dict[str, str]:
    """Return the group of each item, in the order of their names. An item in several groups counts to the first."""
    listed = lakehouse.rows(events.items.source, (events.item, events.items.group))
    items, groups = (listed[name].to_pylist() for name in (events.item, events.items.group))
    pairs = {(item, group or _NO_GROUP) for item, group in zip(items, groups, strict=True) if item is not None}
    return dict(sorted(pairs, reverse=True))


def _of_kind(names: Mapping[str, object], domains: Mapping[str, ColumnSpec], kind: type[Kind]) -> dict[str, Kind]:
    found = {}
    for name in names:
        domain = domains[name]
        if not isinstance(domain, kind):
            raise BadSpecification(f"{name}: expected a domain of kind {kind.__name__.lower()}; declare one")
        found[name] = domain
    return found
