"""Tools about the signed-in customer: features and recommendations, only through the consent-gated retrieval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import Filters
from agent_serving.search.errors import SearchUnavailable
from agent_serving.tool.item import PROFILE, Item, Note, ToolResult
from agent_serving.tool.shop import AGENT_ROLES, MOST_ITEMS, TEXT, WON, find, item_of, parameters
from agent_serving.tool.tool import Tool, ToolContext
from agent_serving.understanding.model import Intent
from features.retrieval.answer import FeatureValue, Reason

PURPOSE = "personalisation"
PROFILE_SERVICE, RECOMMENDATION_SERVICE = "shopping_agent", "recommendation"
"""Feature services of `installation/contract/service`."""
_REFUSED = {Reason.NO_CONSENT, Reason.OBJECTED, Reason.RESTRICTED}
_PERSONAL_INTENTS = frozenset({Intent.BUY_NOW, Intent.COMPARE, Intent.PLAN})
_OF_ONE_CATEGORY = 2
_DUE_DAYS = 7
"""A category that is due within a week is recommended for that reason."""


def released(service: str, context: ToolContext) -> tuple[dict[str, FeatureValue], Note | None]:
    """Return the features of the context's customer that may be used now, by name, and the reason if there are none.

    Raises:
        FeatureError: the retrieval failed; nothing is returned.
    """
    if context.services.features is None:
        return {}, Note.UNAVAILABLE
    if context.customer_id is None:
        return {}, Note.NO_CUSTOMER
    answer = context.services.features.retrieve((context.customer_id,), service, PURPOSE, context.caller)
    row = answer.customers[0]
    if _REFUSED.intersection(row.reasons):
        return {}, Note.NO_CONSENT
    values = {
        name.partition(":")[2]: value
        for name, value, reason in zip(answer.features, row.values, row.reasons, strict=True)
        if reason is None and value is not None
    }
    return values, None if values else Note.NO_DATA


def _profile(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    values, note = released(PROFILE_SERVICE, context)
    facts = {name: value if isinstance(value, int | float) else str(value) for name, value in values.items()}
    return ToolResult("customer_profile", (Item(PROFILE, "profile", PROFILE, facts),) if facts else (), note)


def _recommend(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    """Recommend products of the categories that the customer buys regularly or prefers, with the reason of each.

    Without consent, and for a customer without purchases, the products are those of the query, and the note says why.
    Without a query these are today's offers: a list of products that nobody asked for recommends nothing.
    """
    values, note = released(RECOMMENDATION_SERVICE, context)
    query = arguments.get("query", "")
    try:
        items = _personal(values, arguments, context) if values else ()
        if not items:
            kinds = (Kind.PRODUCT,) if query else (Kind.PROMOTION, Kind.EVENT)
            found = find(context, query, kinds, _filters(arguments, context))
            return ToolResult("recommend", tuple(map(item_of, found)), note or Note.NO_DATA)
    except SearchUnavailable:
        return ToolResult("recommend", (), Note.UNAVAILABLE)
    return ToolResult("recommend", items)


def _personal(
    values: Mapping[str, FeatureValue], arguments: Mapping[str, Any], context: ToolContext
) -> tuple[Item, ...]:
    wanted = [(category, "due") for category in _due(values)]
    top = values.get("top_categories")
    wanted += [(str(category), "often") for category in (top if isinstance(top, list) else ())]
    found: dict[str, Item] = {}
    for category, reason in wanted:
        for document in _of_category(category, arguments, context):
            found.setdefault(document.id, item_of(document, reason=reason, reason_category=category))
        if len(found) >= MOST_ITEMS:
            break
    return tuple(found.values())[:MOST_ITEMS]


def _of_category(category: str, arguments: Mapping[str, Any], context: ToolContext) -> list[Document]:
    """Return at most two products of a category, whose name is among the keywords of its products."""
    query = f"{arguments.get('query', '')} {category}".strip()
    found = find(context, query, (Kind.PRODUCT,), _filters(arguments, context))
    return [document for document in found if category in document.keywords][:_OF_ONE_CATEGORY]


def _due(values: Mapping[str, FeatureValue]) -> list[str]:
    categories, days = values.get("due_categories"), values.get("due_in_days")
    if not isinstance(categories, list) or not isinstance(days, list):
        return []
    pairs = zip(categories, days, strict=False)
    return [str(category) for category, left in pairs if isinstance(left, int | float) and left <= _DUE_DAYS]


def _filters(arguments: Mapping[str, Any], context: ToolContext) -> Filters:
    return Filters(price_max=arguments.get("price_max"), on=context.now.date())


CUSTOMER_PROFILE = Tool(
    "customer_profile",
    "What this customer prefers and how often they buy.",
    parameters(),
    _PERSONAL_INTENTS,
    AGENT_ROLES,
    PURPOSE,
    _profile,
)
RECOMMEND = Tool(
    "recommend",
    "Products for this customer, with the reason of each.",
    parameters(query=TEXT, price_max=WON),
    _PERSONAL_INTENTS,
    AGENT_ROLES,
    PURPOSE,
    _recommend,
)
CUSTOMER_TOOLS = (CUSTOMER_PROFILE, RECOMMEND)
