"""Claims about places, and their check against the page that they were read from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent_serving.search.text_form import squeeze

FIELDS: Final = ("category", "address", "phone", "hours", "note")
MAX_TRIES: Final = 3

_QUOTED: Final = {
    "type": "object", "additionalProperties": False, "required": ["value", "quote"],
    "properties": {"value": {"type": "string", "maxLength": 300}, "quote": {"type": "string", "maxLength": 500}},
}  # fmt: skip
SCHEMA: Final[dict[str, Any]] = {
    "type": "object", "additionalProperties": False, "required": ["places"],
    "properties": {
        "places": {
            "type": "array", "maxItems": 20,
            "items": {
                "type": "object", "additionalProperties": False, "required": ["name"],
                "properties": dict.fromkeys(("name", *FIELDS), _QUOTED),
            },
        }
    },
}  # fmt: skip
"""What an extractor returns: each value with the words of the page that state it."""

_HOURS = re.compile(r"([01]\d|2[0-4]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d")
_PHONE = re.compile(r"0\d{1,2}-\d{3,4}-\d{4}")
_FORMS: Final = {"hours": (_HOURS, "10:00-20:00"), "phone": (_PHONE, "02-000-0000")}


@dataclass(frozen=True)
class Claim:
    """One statement about a place: `value` is what is claimed, `quote` the words of the page that state it."""

    place: str
    field: str
    value: str
    quote: str


def claims_of(extracted: Any) -> Iterator[Claim]:
    """Yield the claims of an extraction that meets `SCHEMA`. The first claim of a place is its name."""
    for place in extracted["places"]:
        name = place["name"]
        yield Claim(name["value"], "name", name["value"], name["quote"])
        for field in FIELDS:
            if field in place:
                yield Claim(name["value"], field, place[field]["value"], place[field]["quote"])


def fault_of(claim: Claim, text: str) -> str | None:
    """Return why the page does not support the claim; None if it does.

    The quote must stand in the page, and the value in the quote, both without regard to spaces and case. Hours and
    telephones must have their form.

    >>> fault_of(Claim("가게", "hours", "10:00-21:00", "영업시간: 10:00-20:00"), "영업시간: 10:00-20:00")
    "hours of '가게': '10:00-21:00' is not in the quote"
    """
    about = f"{claim.field} of {claim.place!r}"
    value, quote = squeeze(claim.value), squeeze(claim.quote)
    if not value:
        return f"{about}: the value is empty"
    if quote not in squeeze(text) or not quote:
        return f"{about}: the quote {claim.quote!r} is not on the page"
    if not _stands_in(value, quote):
        return f"{about}: {claim.value!r} is not in the quote"
    if claim.field in _FORMS and not _FORMS[claim.field][0].fullmatch(claim.value):
        return f"{about}: {claim.value!r} has another form than {_FORMS[claim.field][1]}"
    return None


def _stands_in(value: str, quote: str) -> bool:
    """Return whether the value is in the quote, and no digit continues it: 1 is not in 10."""
    start, end = (r"(?<!\d)" if value[0].isdigit() else ""), (r"(?!\d)" if value[-1].isdigit() else "")
    return re.search(f"{start}{re.escape(value)}{end}", quote) is not None


def checked(claims: Sequence[Claim], text: str) -> tuple[list[Claim], list[str]]:
    """Return the claims that the page supports, without places whose name it does not, and the faults of the others."""
    faults = {claim: fault_of(claim, text) for claim in claims}
    named = {claim.place for claim in claims if claim.field == "name" and faults[claim] is None}
    kept = [claim for claim in claims if faults[claim] is None and claim.place in named]
    return kept, [fault for fault in faults.values() if fault is not None]
