"""The plain names of tables and columns for staff: the contracts' wordings address the person in the data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from installation.contract.plain_name import PlainNames

_FORMS = {
    "visit": "visits", "stop": "stops", "turn": "turns", "try": "tries", "buy": "buys", "shop": "shops",
    "permit": "permits", "were": "was",
}  # fmt: skip
"""Verbs after `you`, as they stand after `the customer`; others, such as `may` and `bought`, stay."""


def for_staff(names: PlainNames) -> PlainNames:
    """Return the names in the third person."""
    return replace(names, tables=_changed(names.tables), columns=_changed(names.columns))


def third_person(text: str) -> str:
    """Return an English name without `you` and `your`.

    >>> third_person("Probability that you stop buying"), third_person("Your orders"), third_person("How you visit us")
    ('Probability that the customer stops buying', 'Orders', 'How the customer visits us')
    """
    text = re.sub(r"\byou (\w+)", lambda found: f"the customer {_FORMS.get(found[1], found[1])}", text)
    text = re.sub(r"\byou\b", "the customer", text)
    text = re.sub(r"^Your (\w)", lambda found: found[1].upper(), text)
    return re.sub(r"\byour\b", "their", text)


def _changed(named: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: third_person(value) if key == "en" else _changed(value) if isinstance(value, Mapping) else value
        for key, value in named.items()
    }  # fmt: skip
