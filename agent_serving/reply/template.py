"""Writes an answer from tool results by templates. Every name and value in it is a fact of an item."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent_serving.reply.wording_file import wording
from agent_serving.tool.item import PROFILE, Item, Note, ToolResult
from agent_serving.understanding.model import Intent, Language, Understanding

_MOST_LINES = 6
_MOST_OF_A_RESULT = {1: 5, 2: 3}
"""Items that are shown of each result, by the number of results that have any; 2 of each if there are more."""


def write_answer(understanding: Understanding, results: Sequence[ToolResult], language: str) -> str:
    """Return an answer with its marker at the end; without a marker if no item is cited."""
    words = wording(Language(language))
    shown = _chosen(results)
    parts = list(dict.fromkeys(_line(item, words, language) for item in shown))
    if not shown:
        nothing = words["none_safe" if understanding.constraints.allergies else "empty"]
        return " ".join([*_notes(results, words)] or [nothing])
    opening = [str(words["opening"][understanding.intent])]
    closing = list(_notes(results, words))
    if understanding.intent is Intent.COMPARE and (title := _cheapest(shown, language)):
        closing.insert(0, words["cheapest"].format(title=title))
    if understanding.constraints.allergies and any(item.kind == "product" for item in shown):
        closing.append(words["avoided"])
    return "\n".join([*opening, *parts, *closing]) + "\n" + marker_of(shown, results)


def marker_of(shown: Sequence[Item], results: Sequence[ToolResult]) -> str:
    """Return the marker that cites items: their numbers within their kind over all results.

    >>> cited = Item("store", "s1", "Bakery")
    >>> marker_of([cited], [ToolResult("find_places", (Item("floor", "f", "1F"), Item("store", "s0", "Café"), cited))])
    "<<'store':[1]>>"
    """
    numbers: dict[tuple[str, str], int] = {}
    count: dict[str, int] = defaultdict(int)
    for item in (item for result in results for item in result.items):
        numbers[item.kind, item.id] = count[item.kind]
        count[item.kind] += 1
    cited: dict[str, list[int]] = defaultdict(list)
    for item in shown:
        cited[item.kind].append(numbers[item.kind, item.id])
    entries = (f"'{kind}':[{','.join(map(str, found))}]" for kind, found in cited.items())
    return f"<<{','.join(entries)}>>"


def _chosen(results: Sequence[ToolResult]) -> list[Item]:
    having = [[item for item in result.items if item.kind != PROFILE] for result in results]
    having = [items for items in having if items]
    most = _MOST_OF_A_RESULT.get(len(having), 2)
    return [item for items in having for item in items[:most]][:_MOST_LINES]


def _notes(results: Sequence[ToolResult], words: Mapping[str, Any]) -> Iterator[str]:
    # How to permit personalisation is said by the conversation, once.
    for note in dict.fromkeys(result.note for result in results):
        if note in (Note.NO_CUSTOMER, Note.UNAVAILABLE, Note.NO_DATA) and not _has_items(results, note):
            yield words[note]


def _has_items(results: Sequence[ToolResult], note: Note) -> bool:
    return any(result.items for result in results if result.note is note)


def _cheapest(shown: Sequence[Item], language: str) -> str | None:
    priced = [item for item in shown if isinstance(item.facts.get("price_won"), int)]
    brands = {item.facts.get("brand", item.title) for item in priced}
    if len(brands) < 2:
        return None
    prices = sorted(int(item.facts["price_won"]) for item in priced)
    return (
        _title(min(priced, key=lambda item: int(item.facts["price_won"])), language) if prices[0] < prices[1] else None
    )


def _line(item: Item, words: Mapping[str, Any], language: str) -> str:
    if item.kind == "faq":
        return str(item.facts["answer"])
    title = _title(item, language)
    if item.kind == "floor" and "floor" in item.facts and "name" in item.facts:
        # The code of the floor is a part of the title; it is shown as in all other lines.
        return f"{item.facts.get(f'name_{language}', item.facts['name'])}: {_floor(str(item.facts['floor']), words)}."
    details = ", ".join(_details(item, words))
    terms = str(item.facts.get("terms", ""))
    return f"{title}: {details}. {terms}".strip() if details else f"{title}: {terms}" if terms else f"{title}."


def _title(item: Item, language: str) -> str:
    name = item.facts.get(f"name_{language}")
    return str(name) if name else item.title


def _details(item: Item, words: Mapping[str, Any]) -> Iterator[str]:
    facts = item.facts
    if "status" in facts:
        yield str(words["status"].get(str(facts["status"]), facts["status"]))
    if "price_won" in facts:
        yield words["price"].format(price=f"{int(facts['price_won']):,}")
    if "floor" in facts and item.kind != "floor":
        yield ", ".join(_floor(part, words) for part in str(facts["floor"]).split(","))
    if facts.get("stock") == 0:
        yield str(words["sold_out"])
    for name in (
        "hours",
        "hours_weekend",
        "rest_days",
        "phone",
        "discount_percent",
        "discount_won",
        "valid_until",
        "ordered_at",
        "shipped_at",
        "delivered_at",
    ):
        if name in facts and not (item.kind == "facility" and name == "phone"):
            yield words[name].format(value=f"{facts[name]:,}" if isinstance(facts[name], int) else facts[name])
    if facts.get("reason") in ("due", "often"):
        yield str(words[str(facts["reason"])])


def _floor(floor: str, words: Mapping[str, Any]) -> str:
    found = re.fullmatch(r"\s*(?P<below>B)?(?P<number>\d+)F?\s*", floor)
    if found is None:
        return str(words["roof"]) if floor.strip() == "RF" else floor.strip()
    return str(words["basement" if found["below"] else "floor"]).format(number=found["number"])
