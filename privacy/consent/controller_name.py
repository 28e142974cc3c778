"""Compares names of controllers, so that another spelling of the own name is found."""

from __future__ import annotations

import re
import unicodedata

_NO_LETTER = re.compile(r"[\W_]+")
_FORMS = frozenset(
    {
        "ltd", "limited", "inc", "incorporated", "corp", "corporation", "co", "company", "llc", "plc", "gmbh", "ag",
        "sa", "kk", "주식회사", "유한회사", "주", "유",
    }
)  # fmt: skip
_JOINED_FORM = re.compile("주식회사|유한회사")


def is_probably_same(name: str, controller: str) -> bool:
    """Return whether two names differ only in case, spaces, punctuation and the legal form of the company.

    >>> is_probably_same("BOJAGI-MART, Ltd.", "Bojagi Mart"), is_probably_same("㈜보자기마트", "주식회사 보자기마트")
    (True, True)
    >>> is_probably_same("Other Shop", "Bojagi Mart")
    False
    """
    return bool(_core(name)) and _core(name) == _core(controller)


def _core(name: str) -> str:
    plain = _JOINED_FORM.sub(" ", unicodedata.normalize("NFKC", name).casefold())
    return "".join(word for word in _NO_LETTER.split(plain) if word not in _FORMS)
