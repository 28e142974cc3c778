"""Reads the marker at the end of an answer: `<<'product':[0,2],'store':[1]>>` cites items by kind and number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_serving.tool.item import PROFILE, Item

LONGEST_MARKER = 400
MOST_CARDS = 10
OPEN, CLOSE = "<<", ">>"
_LOOK_ALIKES = str.maketrans(
    dict.fromkeys("＜〈‹", "<") | dict.fromkeys("＞〉›", ">") | {"《": OPEN, "«": OPEN, "》": CLOSE, "»": CLOSE}
)
_MARKER = re.compile(r"""\s*(?:'[a-z_]{1,20}'\s*:\s*\[[\d\s,]*\]\s*,?\s*)*""")
_ENTRY = re.compile(r"""'([a-z_]{1,20})'\s*:\s*\[([\d\s,]*)\]""")
RESIDUE = re.compile(
    r"""['"‘’“”][A-Za-z_]{1,20}['"‘’“”]\s*:\s*\[|\[\s*\d{1,2}(?:\s*,\s*\d{1,2})*\s*\]|<<|>>|<\s<|>\s>"""
)
"""Parts of a marker, which no sentence may show."""


def plain_brackets(text: str) -> str:
    """Return a text with the brackets that look like those of a marker replaced by them."""
    return text.translate(_LOOK_ALIKES)


def cited_items(marker: str, items: Sequence[Item]) -> tuple[Item, ...] | None:
    """Return the items that the inside of a marker cites, in its order and each once; None if it is malformed.

    A number that no result has is left out, and so is the customer's profile, which is no card.

    >>> one = Item("store", "s1", "Bakery")
    >>> cited_items("'store':[0,7],'product':[0]", [one]) == (one,), cited_items("store: 0", [one])
    (True, None)
    """
    text = marker.replace('"', "'").replace("‘", "'").replace("’", "'")
    if not _MARKER.fullmatch(text):
        return None
    found: dict[tuple[str, str], Item] = {}
    for kind, numbers in _ENTRY.findall(text):
        own = [item for item in items if item.kind == kind and kind != PROFILE]
        for number in (int(n) for n in re.findall(r"\d+", numbers)):
            if number < len(own):
                found.setdefault((kind, own[number].id), own[number])
    return tuple(found.values())[:MOST_CARDS]
