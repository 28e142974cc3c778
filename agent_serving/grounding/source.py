"""What the items of a turn let an answer state: their names, their values, and the words of their facts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from agent_serving.grounding.value import Value, ValueKind, read_values
from agent_serving.tool.item import PROFILE, Item

_NAMES = ("name", "name_en", "name_ja", "name_zh", "brand", "brand_en")
_HALF_DAY = 12 * 60
_COUNTED = frozenset({ValueKind.NUMBER, ValueKind.COUNT})
_LEAST_NAME = 2
_ABOUT = 0.2
_LARGEST_SAID_NUMBER = 99
"""A larger number that the customer said may be a price, which an answer must not confirm by repeating it."""


class Mention(NamedTuple):
    """A name in a text: where it is, and the numbers of the items that have it."""

    start: int
    end: int
    items: frozenset[int]


def folded(text: str) -> str:
    """Return a text for comparison: NFKC, without case."""
    return unicodedata.normalize("NFKC", text).casefold()


def compact(text: str) -> str:
    """Return the letters and digits of a text for comparison."""
    return "".join(filter(str.isalnum, folded(text)))


class Sources:
    """The statements that a turn's items support.

    Args:
        items: the items of all results, in their order.
        said: what the customer said in this turn.
        names: names that may be stated besides, such as those of the shop and the branch.
    """

    def __init__(self, items: Sequence[Item], said: str = "", names: Iterable[str] = ()) -> None:
        self.size = len(items)
        self._values = [frozenset(_item_values(item)) for item in items]
        self._said = compact(said)
        said_values = read_values(unicodedata.normalize("NFKC", said))
        self._said_limits = {(value.number, value.bound) for value in said_values if value.kind is ValueKind.MONEY}
        self._said_counts = {v.number for v in said_values if v.kind in _COUNTED and v.number <= _LARGEST_SAID_NUMBER}
        texts = [str(text) for item in items for text in (item.title, *item.facts.values()) if isinstance(text, str)]
        names_of = [{compact(name) for name in _item_names(item)} for item in items]
        self._related = [frozenset(n for n, other in enumerate(names_of) if own & other) for own in names_of]
        self._text, self._starts, self._ends = _words_of((*texts, *names))
        self._names: dict[str, frozenset[int]] = {compact(name): frozenset() for name in names}
        for number, item in enumerate(items):
            for name in _item_names(item):
                self._names[compact(name)] = self._names.get(compact(name), frozenset()) | {number}
        self._pattern = _pattern(tuple(name for name in self._names if len(name) >= _LEAST_NAME))

    def mentions(self, text: str) -> list[Mention]:
        """Return the names in a text that is in NFKC, the longest ones that begin at a place."""
        if self._pattern is None:
            return []
        found = (match for match in self._pattern.finditer(text))
        return [Mention(match.start(), match.end(), self._names[compact(match[0])]) for match in found]

    def related(self, items: frozenset[int]) -> frozenset[int]:
        """Return these items and those that share a name with one of them, such as a product and its brand's shop."""
        return items.union(*(self._related[item] for item in items))

    def has_words(self, words: str) -> bool:
        """Return whether a fact, a title or an allowed name has these words one after another."""
        wanted = compact(words)
        start = self._text.find(wanted) if wanted else -1
        while start >= 0:
            # A part of another word is no word: 맥 is not in 맥주.
            if start in self._starts and (len(wanted) > 1 or start + 1 in self._ends):
                return True
            start = self._text.find(wanted, start + 1)
        return not wanted

    def was_said(self, words: str) -> bool:
        """Return whether the customer said these words one after another."""
        return bool(compact(words)) and compact(words) in self._said

    def supports(self, value: Value, items: Iterable[int], *, is_named: bool) -> bool:
        """Return whether a value is a fact of one of these items, or a limit or a small number that the customer said.

        `is_named`: whether the sentence names the items. Then a limit must be true of one of them.
        """
        facts = [self._values[item] for item in items]
        if any(_is_among(value, own) for own in facts):
            return True
        if value.kind in _COUNTED:
            is_count = value.kind is ValueKind.COUNT and value.number <= self.size
            return is_count or value.number in self._said_counts
        if value.bound is None or not self._is_said_limit(value):
            return False
        prices = [number for own in facts for kind, number, _ in own if kind is ValueKind.MONEY]
        return not is_named or any(_is_within(price, value) for price in prices)

    def _is_said_limit(self, value: Value) -> bool:
        """Return whether the customer said the limit; a bare amount is a budget, so "up to" it or "about" it."""
        own = (value.number, value.bound) in self._said_limits
        return own or (value.bound != "least" and (value.number, None) in self._said_limits)


def _is_within(price: float, limit: Value) -> bool:
    if limit.bound == "most":
        return price <= limit.number
    if limit.bound == "least":
        return price >= limit.number
    return abs(price - limit.number) <= _ABOUT * limit.number


def _is_among(value: Value, facts: frozenset[tuple[ValueKind, float, str]]) -> bool:
    if value.kind in _COUNTED:
        return any(number == value.number for _, number, _ in facts)
    if (value.kind, value.number, value.unit) in facts:
        return True
    # A time without "a.m." or "p.m." may be either.
    return value.kind is ValueKind.TIME and (value.kind, value.number + _HALF_DAY, "") in facts


def _item_names(item: Item) -> set[str]:
    if item.kind == PROFILE:
        return set()
    return {item.title, *(str(item.facts[name]) for name in _NAMES if item.facts.get(name))}


def _item_values(item: Item) -> Iterable[tuple[ValueKind, float, str]]:
    """Yield the values of an item's facts. A fact's name ends with its unit: `price_won`, `discount_percent`."""
    for name, fact in item.facts.items():
        if isinstance(fact, str):
            yield from ((v.kind, v.number, v.unit) for v in read_values(unicodedata.normalize("NFKC", fact)))
            if name == "floor" and fact.strip().isdigit():
                yield ValueKind.FLOOR, int(fact), ""
            continue
        if name.endswith(("_won", "_usd")):
            yield ValueKind.MONEY, fact, name[-3:]
        elif name.endswith(("_percent", "_rate")):
            yield ValueKind.PERCENT, fact, ""
        elif name == "floor":
            yield ValueKind.FLOOR, fact, ""
        yield ValueKind.NUMBER, fact, ""
    yield from ((v.kind, v.number, v.unit) for v in read_values(unicodedata.normalize("NFKC", item.title)))


def _words_of(texts: Iterable[str]) -> tuple[str, frozenset[int], frozenset[int]]:
    """Return the letters and digits of texts, one text a line, and where their words begin and end."""
    joined, starts, ends = "", set(), set()
    for text in texts:
        for word in re.findall(r"[^\W_]+", folded(text)):
            starts.add(len(joined))
            joined += word
            ends.add(len(joined))
        joined += "\n"
    return joined, frozenset(starts), frozenset(ends)


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """Return a pattern that finds the names with any spaces and signs inside, the longest first."""
    if not names:
        return None
    forms = []
    for name in sorted(names, key=len, reverse=True):
        form = r"[\s\W_]{0,2}".join(map(re.escape, name))
        left = r"(?<![^\W_])"
        right = r"(?![A-Za-z0-9])" if name[-1].isascii() else ""
        forms.append(f"{left}{form}{right}")
    return re.compile("|".join(forms), re.IGNORECASE)
