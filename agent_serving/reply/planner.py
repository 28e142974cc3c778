"""Makes the plan of a turn by rules: which tools are called with which arguments, or which question is asked back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent_serving.conversation.plan import MOST_CALLS, Plan, ToolCall
from agent_serving.reply.suggestion import suggested_products
from agent_serving.reply.wording_file import courtesy, question
from agent_serving.tool.registry import ToolRegistry
from agent_serving.tool.tool import ToolContext
from agent_serving.understanding.canonical import search_words
from agent_serving.understanding.dialogue import is_refused
from agent_serving.understanding.model import Intent, Language, Topic, Understanding, WantedItem
from agent_serving.understanding.place import floor_code, is_branch

_MOST_ITEMS = 3
"""Products that are searched for in one turn, so that offers or places fit in besides."""
_LONGEST_QUERY = 80
_OFFERS = {Topic.PROMOTION: "promotion", Topic.COUPON: "coupon", Topic.EVENT: "event"}
_ANSWERS = frozenset(
    {
        Topic.PARKING, Topic.POINTS, Topic.MEMBERSHIP, Topic.DELIVERY, Topic.RETURN, Topic.EXCHANGE, Topic.RECEIPT,
        Topic.REPAIR, Topic.PAYMENT, Topic.CONSENT, Topic.COUPON, Topic.GIFT_WRAP, Topic.COMPLAINT,
    }
)  # fmt: skip
_KOREAN = {
    Topic.PARKING: "주차", Topic.POINTS: "포인트", Topic.MEMBERSHIP: "멤버십", Topic.DELIVERY: "배송",
    Topic.RETURN: "환불", Topic.EXCHANGE: "교환", Topic.RECEIPT: "영수증", Topic.REPAIR: "수선", Topic.CANCEL: "취소",
    Topic.CONSENT: "개인정보", Topic.COUPON: "쿠폰", Topic.GIFT_WRAP: "포장", Topic.PAYMENT: "세금 환급",
}  # fmt: skip
"""Words of the topics in the language of the answers to frequent questions."""


def plan(understanding: Understanding, tools: ToolRegistry, context: ToolContext) -> Plan:
    """Return the plan of a turn. Every call is of a tool that may be called here, with arguments that fit it."""
    language = Language(context.language)
    if polite := [words for topic in understanding.topics[:1] if (words := courtesy(topic, language))]:
        return Plan(understanding.intent, (), polite[0])
    if understanding.missing_slot is not None:
        return Plan(understanding.intent, (), question(understanding.missing_slot, language))
    allowed = {tool.name: tool.parameters["properties"] for tool in tools.allowed(understanding.intent, context)}
    calls: list[ToolCall] = []
    for name, arguments in _CALLS[understanding.intent](understanding, context):
        if name not in allowed:
            continue
        known = {key: value for key, value in arguments.items() if key in allowed[name] and value not in (None, "", [])}
        call = ToolCall(name, known)
        if call not in calls:
            calls.append(call)
    return Plan(understanding.intent, tuple(calls[:MOST_CALLS]))


Calls = Iterator[tuple[str, Mapping[str, Any]]]


def _buy(said: Understanding, context: ToolContext) -> Calls:
    for item in _items(said):
        yield "find_products", _product(item, said)
    if Topic.RECOMMENDATION in said.topics and context.customer_id is not None:
        wanted = _items(said)
        yield (
            "recommend",
            {"query": _query(wanted[0], said) if wanted else "", "price_max": wanted[0].price_max if wanted else None},
        )
    if not said.items:
        yield "find_products", {"query": _words(said), **_limits(said)}
        if Topic.RECOMMENDATION in said.topics and context.customer_id is None and not said.constraints:
            yield "find_offers", {"query": ""}


def _compare(said: Understanding, context: ToolContext) -> Calls:
    for place in said.place[:_MOST_ITEMS]:
        yield "find_places", _place(place)
    for item in _options(said):
        yield "find_products", _product(item, said)
    if not said.items and not said.place:
        yield "find_answers", {"query": _words(said)}
        yield "find_offers", {"query": _words(said)}


def _plan(said: Understanding, context: ToolContext) -> Calls:
    items = _items(said)
    named = {item.product for item in said.items if item.product}
    for item in items:
        yield "find_products", _product(item, said)
    budget = next((item.price_max for item in said.items if item.price_max), None)
    for product in suggested_products(said.text):
        if product not in named and not is_refused(WantedItem(product), said.text):
            yield "find_products", {"query": product, "price_max": budget, **_limits(said)}
    if not items or Topic.VISIT in said.topics:
        yield "find_offers", {"query": ""}
    for place in said.place:
        yield "find_places", _place(place)


def _inform(said: Understanding, context: ToolContext) -> Calls:
    items, topics = _items(said), set(said.topics)
    if said.order_number:
        yield "order_status", {"order_id": said.order_number}
    named = search_words(items[0].brand or items[0].product or "") if items else ""
    for topic, kind in _OFFERS.items():
        if topic in topics:
            yield "find_offers", {"query": named, "kind": kind}
    if _ANSWERS & topics:
        yield from _answers(said)
    for place in said.place:
        yield "find_places", _place(place)
    if Topic.OPENING_HOURS in topics and not items and not said.place:
        yield "find_places", {"kind": "branch"}
    for item in items:
        yield "find_places", {"query": search_words(item.brand or item.product or "")}
        if item.product:
            yield "find_products", _product(item, said)
    if not items and not said.place and not said.order_number and not topics - {Topic.FACILITY, Topic.FLOOR}:
        yield "find_places", {"query": _words(said)}
        yield "find_answers", {"query": _words(said)}


def _place(name: str) -> dict[str, Any]:
    """Return the arguments that find a place: a floor by its code, a branch as itself, another place by its words."""
    if floor := floor_code(name):
        return {"kind": "floor", "floor": floor}
    return {"kind": "branch"} if is_branch(name) else {"query": search_words(name.removesuffix("店"))}


def _serve(said: Understanding, context: ToolContext) -> Calls:
    if {Topic.ORDER, Topic.DELIVERY, Topic.CANCEL, Topic.RETURN, Topic.EXCHANGE} & set(said.topics):
        yield "order_status", {"order_id": said.order_number}
    if context.customer_id is not None and {Topic.ORDER, Topic.DELIVERY}.issuperset(said.topics):
        # The orders are the answer. General words on delivery would only stand beside them.
        yield "find_answers", {"query": _words(said)}
    else:
        yield from _answers(said)
    # An answer names the help desk itself, so the desk is looked up only where there may be no answer.
    if Topic.REPAIR in said.topics:
        yield "find_places", {"query": "수선", "kind": "facility"}
    elif not said.topics or Topic.COMPLAINT in said.topics:
        yield "find_places", {"query": "고객센터", "kind": "facility"}


_CALLS = {
    Intent.BUY_NOW: _buy, Intent.COMPARE: _compare, Intent.PLAN: _plan, Intent.FIND_INFORMATION: _inform,
    Intent.SERVICE: _serve,
}  # fmt: skip


def _answers(said: Understanding) -> Calls:
    """Ask for answers to the topic, in the words of the answers, and then in those of the shopper."""
    for topic in [topic for topic in said.topics if topic in _KOREAN][: 1 if said.language is Language.KOREAN else 2]:
        yield "find_answers", {"query": _KOREAN[topic]}
    yield "find_answers", {"query": _words(said)}


def _items(said: Understanding) -> list[WantedItem]:
    wanted = (item for item in said.items if (item.product or item.brand) and not is_refused(item, said.text))
    return sorted(wanted, key=lambda item: item.priority)[:_MOST_ITEMS]


def _options(said: Understanding) -> list[WantedItem]:
    """Return the things to compare: brands without a product of their own are compared for the product of another."""
    items = _items(said)
    product = next((item.product for item in items if item.product), None)
    return [
        WantedItem(item.product or product, item.brand, None, item.price_min, item.price_max, item.priority)
        for item in items
    ]


def _product(item: WantedItem, said: Understanding) -> dict[str, Any]:
    return {"query": _query(item, said), "price_min": item.price_min, "price_max": item.price_max, **_limits(said)}


def _query(item: WantedItem, said: Understanding) -> str:
    words = (search_words(item.brand) if item.brand else "", search_words(item.product) if item.product else "")
    return " ".join(filter(None, words))[:_LONGEST_QUERY]


def _limits(said: Understanding) -> dict[str, Any]:
    """Return the arguments that keep out what the shopper must not have."""
    wishes = (*said.constraints.faiths, *said.constraints.diets)
    return {"free_of": list(said.constraints.allergies), "diet": wishes[0] if wishes else None}


def _words(said: Understanding) -> str:
    return said.text[:_LONGEST_QUERY]
