"""Labels of ranges over ordered values: `[a-b]`, with the ends of fractions rounded outward.

A rounded end lies between the value of the table and its neighbour, so the label covers the same values of the table
and does not publish a measurement with all its digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from functools import lru_cache


def range_label(values: Sequence[str], low: int, high: int) -> str:
    """Returns the label of the values from place `low` to place `high` of a column's sorted values.

    >>> range_label(["0.12573", "0.64042", "1.30400", "2.5"], 1, 2), range_label(["31", "33", "60"], 0, 1)
    ('[0.6-2]', '[31-33]')
    """
    before = _number(values[low - 1]) if low else None
    after = _number(values[high + 1]) if high + 1 < len(values) else None
    return f"[{_rounded(values[low], before, -1)}-{_rounded(values[high], after, 1)}]"


def covered_places(label: str, values: Sequence[str], place: Mapping[str, int]) -> tuple[int, int] | None:
    """Returns the places of the first and the last value that a range label covers; None if it is no range of them.

    Args:
        label: the label.
        values: the column's values in the order of the label's making.
        place: the place of each value.
    """
    inside = label[1:-1]
    for at in (at for at, letter in enumerate(inside) if letter == "-"):
        low, high = inside[:at], inside[at + 1 :]
        first = place[low] if low in place else _first_at_least(low, values)
        last = place[high] if high in place else _last_at_most(high, values)
        if first is not None and last is not None:
            return first, last
    return None


def _rounded(text: str, neighbour: Decimal | None, direction: int) -> str:
    """Returns an end with as few digits as its neighbour allows; whole numbers and other texts as they are."""
    number = _number(text)
    if number is None or number == number.to_integral_value():
        return text
    rounding = ROUND_FLOOR if direction < 0 else ROUND_CEILING
    exponent = number.adjusted() if neighbour is None else abs(number - neighbour).adjusted() + 1
    while True:
        step = Decimal(1).scaleb(exponent)
        end = (number / step).to_integral_value(rounding) * step + 0  # no negative zero
        if neighbour is None or (end - neighbour) * direction < 0:
            return f"{end:f}".rstrip("0").rstrip(".") if exponent < 0 else f"{end:f}"
        exponent -= 1


@lru_cache(maxsize=8192)
def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _first_at_least(text: str, values: Sequence[str]) -> int | None:
    end = _number(text)
    if end is None:
        return None
    return next((at for at, value in enumerate(values) if (found := _number(value)) is not None and found >= end), None)


def _last_at_most(text: str, values: Sequence[str]) -> int | None:
    end = _number(text)
    if end is None:
        return None
    places = [at for at, value in enumerate(values) if (found := _number(value)) is not None and found <= end]
    return places[-1] if places else None
