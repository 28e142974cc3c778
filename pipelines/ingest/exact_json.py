"""Reads and writes JSON without changing a number: 0.10 stays 0.10, and a number of twenty digits keeps all of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

# Two Python calls a level: this leaves room below Python's limit of 1,000, wherever the call comes from.
DEEPEST = 200


class Number(str):
    """A JSON number as its text."""

    __slots__ = ()


class RepeatedFieldError(ValueError):
    """A JSON object has a field twice, so that it depends on the reader which value counts."""


def decode(text: str) -> Any:
    """Return the value of a JSON text, with numbers as text. This is faster than `decode_exactly`.

    Raises:
        ValueError: the text is not JSON.
        RepeatedFieldError: an object has a field twice.
        RecursionError: the text is nested too deeply.

    """
    return FAST.decode(text)


def decode_flat(text: str) -> dict[str, Any] | None:
    """Return the object of a line as `decode` does, in a fourth of the time; None if `decode` has to read it.

    >>> decode_flat('{"id": 1, "size": "S"}'), decode_flat('{"id": 1, "id": 2}'), decode_flat('{"a": {"b": 1}}')
    ({'id': '1', 'size': 'S'}, None, None)
    """
    try:
        value, end = _UNCHECKED.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    # Every name ends in a quote and a colon. If there are only as many as fields, no field stands twice.
    is_flat = type(value) is dict and text.count('":') == len(value) and " :" not in text and "\t:" not in text
    return value if is_flat and text[end:] in ("", "\n", "\r\n") else None


def decode_exactly(text: str) -> Any:
    """Return the value of a JSON text, with numbers as `Number`, so that `encode` writes them as numbers again."""
    return _EXACT.decode(text)


def encode(value: Any, *, ascii_only: bool = False) -> str:
    """Return a value as JSON text; a `Number` is written as it was read.

    >>> encode(decode_exactly('{"price": 10.10, "sizes": [1, "1"]}'))
    '{"price": 10.10, "sizes": [1, "1"]}'

    Raises:
        RecursionError: the value is nested deeper than `DEEPEST`.

    """

    def write(part: Any, depth: int) -> str:
        if depth > DEEPEST:
            raise RecursionError("nested too deeply")
        if isinstance(part, dict):
            fields = [f"{write(str(key), depth)}: {write(item, depth + 1)}" for key, item in part.items()]
            return f"{{{', '.join(fields)}}}"
        if isinstance(part, list | tuple):
            return f"[{', '.join([write(item, depth + 1) for item in part])}]"
        return str(part) if isinstance(part, Number) else json.dumps(part, ensure_ascii=ascii_only)

    return write(value, 0)


def plain(number: str) -> str:
    """Return a number as text without exponent, if it is small enough that all its digits are exact.

    >>> plain("1.4965326E9"), plain("1e30"), plain("0.10")
    ('1496532600', '1E+30', '0.10')
    """
    if "e" not in number and "E" not in number:
        return number
    exact = Decimal(number)
    if abs(exact) >= 2**53 or exact.adjusted() < -30:
        return format(exact, "E")
    return format(exact, "f")


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RepeatedFieldError("an object has a field twice")
    return found


def reason_of(error: Exception) -> str:
    """Return why a text is not JSON, without a part of the text."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return str(error) if isinstance(error, RepeatedFieldError) else "depth or number without bounds"


_UNCHECKED = json.JSONDecoder(parse_int=str, parse_float=plain, parse_constant=_refuse_constant)
# Reads numbers as text.
FAST = json.JSONDecoder(parse_int=str, parse_float=plain, parse_constant=_refuse_constant, object_pairs_hook=_unique)
_EXACT = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse_constant)
