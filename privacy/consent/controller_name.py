"""Compares names of controllers, so that another spelling of the own name is found."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

_NO_LETTER = re.compile(r"[\W_]+")
_FORMS = frozenset(
    {
        "ltd", "limited", "inc", "incorporated", "corp", "corporation", "co", "company", "llc", "plc", "gmbh", "ag",
        "sa", "kk", "주식회사", "유한회사", "주", "유",
    }
)  # fmt: skip
_LEAST_SIMILARITY = 0.8
"""Least share of equal letters of two spellings of one name: two of ten letters may differ."""
_JOINED_FORM = re.compile("주식회사|유한회사")


def is_probably_same(name: str, controller: str) -> bool:
    """Return whether two names differ only in spelling: by case, spaces, punctuation, legal form, or a few letters.

    A name that contains the other one, such as that of a branch, is probably the same too.

    >>> is_probably_same("BOJAGI-MART, Ltd.", "Bojagi Mart"), is_probably_same("㈜보자기마트", "주식회사 보자기마트")
    (True, True)
    >>> is_probably_same("Bojagi Mrat", "Bojagi Mart"), is_probably_same("B\u043ejagi Mart Korea", "Bojagi Mart")
    (True, True)
    >>> is_probably_same("Other Shop", "Bojagi Mart")
    False
    """
    one, other = _core(name), _core(controller)
    if not one or not other:
        return False
    return (
        one in other or other in one or SequenceMatcher(None, one, other, autojunk=False).ratio() >= _LEAST_SIMILARITY
    )


def _core(name: str) -> str:
    plain = _JOINED_FORM.sub(" ", unicodedata.normalize("NFKC", name).casefold())
    return "".join(word for word in _NO_LETTER.split(plain) if word not in _FORMS)
