"""The result of a tool call: items with the facts that an answer may state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Fact = str | int | float
PROFILE = "profile"
"""Kind of the item with a customer's features. It advises the answer, and never becomes a card."""


@dataclass(frozen=True)
class Item:
    """One thing that a tool found, such as a product, a store, a coupon or an order.

    Attributes:
        kind: its kind, such as `product`. A marker counts the items of each kind from 0.
        id: its id in the source.
        title: its name as it is shown.
        facts: the only names, prices, floors, hours and numbers that an answer may state of it.
        card: what a card shows besides: image, map, url, phone. It is never part of a prompt.
    """

    kind: str
    id: str
    title: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    card: Mapping[str, Fact] = field(default_factory=dict)


class Note(StrEnum):
    """The reason why a tool returned no items, or fewer.

    no_consent: the customer does not permit the tool's purpose now. The answer says how to permit it.
    no_customer: the conversation has no signed-in customer.
    no_data: the customer permits it, but nothing is known about them.
    unavailable: a part that the tool needs has failed.
    """

    NO_CONSENT = "no_consent"
    NO_CUSTOMER = "no_customer"
    NO_DATA = "no_data"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class ToolResult:
    """The result of one tool call. `items` may be empty; `note` is the reason if there is one."""

    tool: str
    items: tuple[Item, ...] = ()
    note: Note | None = None
