"""A request for synthetic data of lakehouse tables, as release declarations and `bojagi synth fit` state it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import Field, field_validator, model_validator

from installation.contract.document import Contract, Contracts
from pipelines.errors import ReleaseError
from privacy.dp.budget_account import BudgetAccount, Period, period_keys
from privacy.synthetic.contract_domain import contract_domain
from privacy.synthetic.specification import ColumnSpec, Implication, Order, Part

Domains = dict[str, dict[str, Any] | None]
"""Columns by name. None takes the domain from the contract; a mapping declares it where the contract has none."""


class ItemList(Part):
    """The possible items of events, read from a table without persons, so that they are public.

    The table has the event's item column, and `group`, the column by which items are grouped.
    """

    source: str
    group: str


class EventRequest(Part):
    """The events of customers, such as order lines. See `privacy.synthetic.event.specification.EventSpecification`."""

    source: str
    time: str
    first: date
    last: date
    item: str
    items: ItemList
    order: str | None = None
    numbers: Domains = Field(default_factory=dict)
    order_columns: Domains = Field(default_factory=dict)
    most_orders: int = Field(default=1024, ge=1)
    most_lines: int = Field(default=160, ge=1)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read, without the customer."""
        order = () if self.order is None else (self.order,)
        return (*order, self.time, self.item, *self.numbers, *self.order_columns)


class SyntheticRequest(Part):
    """Synthetic rows of one table with one or several rows a customer, and of customers' events if `events` is given.

    repeat: the same request within this period returns the stored model and costs no budget.
    """

    source: str
    purpose: str
    columns: Domains = Field(min_length=1)
    rows_per_unit: int = Field(default=1, ge=1)
    constraints: tuple[Order | Implication, ...] = ()
    events: EventRequest | None = None
    epsilon: float = Field(default=1.0, gt=0, le=20)
    delta: float = Field(default=1e-6, gt=0, lt=0.01)
    repeat: Period = "month"

    @field_validator("columns", mode="before")
    @classmethod
    def _as_mapping(cls, columns: Any) -> Any:
        return dict.fromkeys(columns) if isinstance(columns, list | tuple) else columns

    @model_validator(mode="after")
    def _has_one_row_a_customer(self) -> SyntheticRequest:
        if self.events is not None and self.rows_per_unit != 1:
            raise ValueError("customers with events have one row each; remove rows_per_unit")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """Tables about customers that are learned from."""
        return (self.source,) if self.events is None else (self.source, self.events.source)

    @property
    def all_sources(self) -> tuple[str, ...]:
        """Every table that is read, also that of the items."""
        return self.sources if self.events is None else (*self.sources, self.events.items.source)

    def scope(self, now: datetime) -> str:
        """Return the period in which the same request costs once."""
        return period_keys(now)[self.repeat]

    def account(self, unit: str) -> BudgetAccount:
        """Return the account that is charged. Events are charged to the table of customers."""
        return BudgetAccount(self.source, self.purpose, unit)

    def require(self, contracts: Contracts) -> tuple[str, dict[str, ColumnSpec]]:
        """Check the request against the contracts; return the customer's column and the domain of every column.

        The domain of events' columns is under their names as well.

        Raises:
            BadSpecification: a column is unknown, identifies people, has no public domain, or may not serve it.
            ReleaseError: a table is not about customers, or the table of items is.
        """
        people = contracts.table(self.source)
        unit = _subject_key(people)
        domains = contract_domain(people, self.columns, self.purpose)
        if self.events is None:
            return unit, domains
        events, items = contracts.table(self.events.source), contracts.table(self.events.items.source)
        if _subject_key(events) != unit:
            raise ReleaseError(f"{events.table} names customers by {events.subject_key}, {people.table} by {unit}.")
        if items.subject_key is not None:
            raise ReleaseError(f"{items.table} is about customers, so its values are not public; name a product list.")
        _require_columns(items, (self.events.item, self.events.items.group))
        # Their values are times, numbers of orders and listed items, so they need a purpose but no domain.
        declared = {**self.events.numbers, **self.events.order_columns}
        _require_purpose(events, [name for name in self.events.columns if name not in declared], self.purpose)
        return unit, {**domains, **contract_domain(events, declared, self.purpose)}


def _subject_key(contract: Contract) -> str:
    if contract.subject_key is None:
        raise ReleaseError(
            f"{contract.table}: its contract names no subjectKey, so its customers are unknown; add one."
        )
    return contract.subject_key


def _require_columns(contract: Contract, names: Sequence[str]) -> None:
    known = {column.name for column in contract.columns}
    if absent := sorted(set(names) - known):
        raise ReleaseError(f"{contract.table} has no columns {absent}; choose from {sorted(known)}.")


def _require_purpose(contract: Contract, names: Sequence[str], purpose: str) -> None:
    _require_columns(contract, names)
    barred = [column.name for column in contract.columns if column.name in names and
              (purpose not in column.purposes or column.is_confidential)]  # fmt: skip
    if barred:
        raise ReleaseError(
            f"{contract.table}: its contract does not allow {barred} for {purpose}; remove these columns."
        )
