"""A tool of the shopping agent, and the context of its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from agent_serving.tool.item import ToolResult
from agent_serving.understanding.model import Constraints, Intent

if TYPE_CHECKING:
    from agent_serving.search.engine import SearchEngine
    from features.retrieval.answer import Caller, FeatureAnswer

EVERY_INTENT: frozenset[str] = frozenset(Intent)
"""Names of all intents."""


class FeatureSource(Protocol):
    """Returns customer features, each one only as its customer permits now. `FeatureReader` fits."""

    def retrieve(self, customers: Sequence[str], service: str, purpose: str, caller: Caller) -> FeatureAnswer:
        """Return the features of a service for customers; see `FeatureReader.retrieve`."""
        ...


class OrderSource(Protocol):
    """Returns the orders of one customer, for a purpose that the customer permits. `tool.order.OrderReader` fits."""

    def orders(self, customer_id: str, caller: Caller, purpose: str) -> Sequence[Mapping[str, Any]]:
        """Return the customer's orders, the newest first; none if the customer does not permit the purpose."""
        ...


@dataclass(frozen=True)
class ToolServices:
    """The services that tools use. None where the installation has none; the tool then says `unavailable`."""

    features: FeatureSource | None = None
    search: SearchEngine | None = None
    orders: OrderSource | None = None


@dataclass(frozen=True)
class ToolContext:
    """For whom and where tools are called. No model and no user chooses any of it.

    Attributes:
        customer_id: the signed-in customer; None for a visitor.
        caller: the authenticated service that runs the conversation.
        branch: the branch whose documents are searched.
        language: `ko`, `en`, `ja` or `zh`.
        now: the shop's local wall time, without zone.
        services: the services behind the tools.
        constraints: what the shopper must not have. Every search for products keeps to it, whoever made the plan.
        is_cheapest_first: whether the shopper asks for the cheapest products.
    """

    customer_id: str | None
    caller: Caller
    branch: str
    language: str
    now: datetime
    services: ToolServices
    constraints: Constraints = field(default_factory=Constraints)
    is_cheapest_first: bool = False


Run = Callable[[Mapping[str, Any], ToolContext], ToolResult]


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: its name in plans.
        description: one short sentence for the planner.
        parameters: JSON schema of its arguments, an object without other properties.
        intents: the intents for which it may be called.
        roles: the roles that may call it.
        purpose: the purpose of the personal data that it reads; None if it reads none.
        run: returns the result of a call with arguments that fit `parameters`.
        branches: the branches that have it; None: every branch.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    intents: frozenset[str]
    roles: frozenset[str]
    purpose: str | None
    run: Run
    branches: frozenset[str] | None = None
