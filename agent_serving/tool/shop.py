"""Tools that search what a branch offers. They read no personal data."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import Filters
from agent_serving.search.errors import SearchUnavailable
from agent_serving.tool.item import Item, Note, ToolResult
from agent_serving.tool.tool import Tool, ToolContext
from agent_serving.understanding.model import Intent

AGENT_ROLES = frozenset({"agent"})
MOST_ITEMS = 5
"""Items of one call. More would only make prompts longer."""
_SORTED_ITEMS = 3 * MOST_ITEMS
"""Items from which the cheapest are taken. The best of many more would be things of another kind."""
MOST_QUERY = 80
"""Characters of a query. A longer one costs time, and finds nothing more."""
TEXT, WON = {"type": "string"}, {"type": "integer"}


def parameters(required: Sequence[str] = (), **properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a tool's arguments: an object with these properties and no others."""
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


def find(context: ToolContext, query: str, kinds: Sequence[Kind], filters: Filters) -> list[Document]:
    """Return the best documents of these kinds in the context's branch.

    A price below zero, which a model may write, finds what the price 0 finds. Schemas say no bounds, to stay short.
    Products keep to the constraints of the context, also where the arguments of a call leave them out.

    Raises:
        SearchUnavailable: there is no index, or it cannot be read.
    """
    if context.services.search is None:
        raise SearchUnavailable("This installation has no search index.")
    least, most = (None if price is None else max(0, price) for price in (filters.price_min, filters.price_max))
    bounded = replace(filters, price_min=least, price_max=most)
    is_sorted = context.is_cheapest_first and Kind.PRODUCT in kinds
    if Kind.PRODUCT in kinds:
        limits = context.constraints
        wishes = (bounded.diet, *limits.faiths, *limits.diets)
        bounded = replace(
            bounded, free_of=bounded.free_of.union(limits.allergies), diet=next(filter(None, wishes), None)
        )
    limit = _SORTED_ITEMS if is_sorted else MOST_ITEMS
    found = context.services.search.search(query[:MOST_QUERY], kinds, context.branch, limit, bounded)
    return sorted(found, key=_price)[:MOST_ITEMS] if is_sorted else found


def _price(found: Document) -> int:
    price = found.facts.get("price_won")
    return price if isinstance(price, int) else sys.maxsize


def item_of(found: Document, kind: str | None = None, **more: str | int | float) -> Item:
    """Return a document as an item, with more facts about it."""
    return Item(kind or found.kind.value, found.id, found.title, {**found.facts, **more}, found.card)


def _found(name: str, arguments: Mapping[str, Any], context: ToolContext, kinds: Sequence[Kind]) -> ToolResult:
    chosen = [kind for kind in kinds if kind == arguments.get("kind")] or kinds
    filters = Filters(
        brand=arguments.get("brand"), floor=arguments.get("floor"), price_min=arguments.get("price_min"),
        price_max=arguments.get("price_max"), free_of=frozenset(arguments.get("free_of", ())),
        diet=arguments.get("diet"), on=context.now.date(),
    )  # fmt: skip
    try:
        documents = find(context, arguments.get("query", ""), chosen, filters)
    except SearchUnavailable:
        return ToolResult(name, (), Note.UNAVAILABLE)
    return ToolResult(name, tuple(map(item_of, documents)))


def _finder(
    name: str, description: str, kinds: Sequence[Kind], intents: Sequence[Intent], schema: Mapping[str, Any]
) -> Tool:
    def run(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        return _found(name, arguments, context, kinds)

    return Tool(name, description, schema, frozenset(intents), AGENT_ROLES, None, run)


def _kinds(kinds: Sequence[Kind]) -> dict[str, Any]:
    return {"enum": [kind.value for kind in kinds]}


_PLACES = (Kind.STORE, Kind.FACILITY, Kind.BRANCH, Kind.FLOOR, Kind.PLACE)
_OFFERS = (Kind.PROMOTION, Kind.COUPON, Kind.EVENT)
_ANSWERS = (Kind.FAQ, Kind.BRANCH)
FIND_PRODUCTS = _finder(
    "find_products",
    "Products of this branch with price and floor.",
    (Kind.PRODUCT,),
    (Intent.BUY_NOW, Intent.COMPARE, Intent.PLAN, Intent.FIND_INFORMATION),
    parameters(
        ("query",),
        query=TEXT,
        brand=TEXT,
        price_min=WON,
        price_max=WON,
        free_of={"type": "array", "items": TEXT},
        diet=TEXT,
    ),
)
FIND_PLACES = _finder(
    "find_places",
    "Shops, facilities, floors, hours of this branch.",
    _PLACES,
    (Intent.BUY_NOW, Intent.PLAN, Intent.FIND_INFORMATION, Intent.SERVICE),
    parameters(query=TEXT, kind=_kinds(_PLACES), floor=TEXT),
)
FIND_OFFERS = _finder(
    "find_offers",
    "Promotions, coupons, events of today.",
    _OFFERS,
    (Intent.BUY_NOW, Intent.COMPARE, Intent.PLAN, Intent.FIND_INFORMATION),
    parameters(query=TEXT, kind=_kinds(_OFFERS), brand=TEXT),
)
FIND_ANSWERS = _finder(
    "find_answers",
    "Answers on parking, points, returns, membership.",
    _ANSWERS,
    (Intent.FIND_INFORMATION, Intent.SERVICE),
    parameters(("query",), query=TEXT),
)
SHOP_TOOLS = (FIND_PRODUCTS, FIND_PLACES, FIND_OFFERS, FIND_ANSWERS)
