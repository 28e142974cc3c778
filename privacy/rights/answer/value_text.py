"""Formats values for readers and for machines."""

from __future__ import annotations

import base64
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from privacy.rights.wording import Language

_SHOWN_ITEMS = 12
"""Most items of a list that a reader sees; the archive has all."""
_BOOLEANS = {"en": ("no", "yes"), "ko": ("아니오", "예")}
_MORE = {"en": "… ({} values)", "ko": "… (총 {}개)"}
EMPTY = "–"


def readable_value(value: Any, language: Language) -> str:
    """Return a value as a person reads it.

    >>> readable_value(True, "en"), readable_value(0.12345678, "en"), readable_value(None, "ko")
    ('yes', '0.1235', '–')
    """
    if value is None:
        return EMPTY
    if isinstance(value, bool):
        return _BOOLEANS[language][value]
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.2f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, list | tuple):
        shown = ", ".join(readable_value(item, language) for item in value[:_SHOWN_ITEMS])
        return shown + (" " + _MORE[language].format(len(value)) if len(value) > _SHOWN_ITEMS else "")
    return str(value)


def machine_value(value: Any) -> Any:
    """Return a value as JSON has it: times in ISO 8601, decimals as text, bytes in base64."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [machine_value(item) for item in value]
    return value
