"""Finds what a message is about besides products, such as parking or a refund."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from agent_serving.understanding.model import Topic
from agent_serving.understanding.vocabulary import compact, read_lexicon

_ORDER_NUMBER = re.compile(r"(?<![\d-])\d{6,20}(?![\d-])")


@lru_cache(maxsize=1)
def _patterns() -> Mapping[Topic, re.Pattern[str]]:
    return {Topic(name): re.compile(pattern) for name, pattern in read_lexicon("topic").items()}


def topics_of(text: str) -> tuple[Topic, ...]:
    """Return the topics of a message, in the order of `Topic`."""
    short = compact(text)
    return tuple(topic for topic in Topic if topic in _patterns() and _patterns()[topic].search(short))


def order_number_of(text: str) -> str | None:
    """Return the number of an order in a message: six digits or more that stand alone."""
    found = _ORDER_NUMBER.search(text)
    return found.group() if found else None
