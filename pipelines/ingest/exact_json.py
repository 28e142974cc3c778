"""Reads and writes JSON without changing a number: 0.10 stays 0.10, and a number of twenty digits keeps all of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


class Number(str):
    """A JSON number as its text."""

    __slots__ = ()


def decode(text: str) -> Any:
    """Return the value of a JSON text, with numbers as text. This is faster than `decode_exactly`.

    Raises:
        ValueError: the text is not JSON.
        RecursionError: the text is nested too deeply.

    """
    return FAST.decode(text)


def decode_exactly(text: str) -> Any:
    """Return the value of a JSON text, with numbers as `Number`, so that `encode` writes them as numbers again."""
    return _EXACT.decode(text)


def encode(value: Any, *, ascii_only: bool = False) -> str:
    """Return a value as JSON text; a `Number` is written as it was read.

    >>> encode(decode_exactly('{"price": 10.10, "sizes": [1, "1"]}'))
    '{"price": 10.10, "sizes": [1, "1"]}'
    """

    def write(part: Any) -> str:
        if isinstance(part, dict):
            return f"{{{', '.join([f'{write(str(key))}: {write(item)}' for key, item in part.items()])}}}"
        if isinstance(part, list | tuple):
            return f"[{', '.join([write(item) for item in part])}]"
        return str(part) if isinstance(part, Number) else json.dumps(part, ensure_ascii=ascii_only)

    return write(value)


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


# Reads numbers as text.
FAST = json.JSONDecoder(parse_int=str, parse_float=plain, parse_constant=_refuse_constant)
_EXACT = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse_constant)
