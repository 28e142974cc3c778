"""Coarsens values, so that equal rare values do not link what two roles have read.

A number is rounded to two significant digits, half away from zero. A date or time becomes the first of its month. Text
and booleans stay as they are: leave rare texts out of the role by their category.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pyarrow as pa

DIGITS = 2
"""Significant digits of a coarsened number."""


def coarse_number(value: Decimal) -> Decimal:
    """Return a number with two significant digits.

    >>> [str(coarse_number(Decimal(text))) for text in ("1234.5", "-0.0375", "99.9", "7", "0")]
    ['1.2E+3', '-0.038', '1.0E+2', '7', '0']
    """
    if not value.is_finite() or value == 0:
        return value
    last = value.adjusted() - DIGITS + 1
    return value if value.as_tuple().exponent >= last else value.quantize(Decimal(1).scaleb(last), ROUND_HALF_UP)  # type: ignore[operator]


def coarse_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of numbers with two significant digits, in its own type; null stays null."""
    kind = values.type
    encoded = values.combine_chunks().dictionary_encode()
    made = [None if value is None else _coarse(value) for value in encoded.dictionary.to_pylist()]
    if pa.types.is_integer(kind):
        column = pa.array([None if value is None else int(value) for value in made], kind)
    elif pa.types.is_floating(kind):
        column = pa.array([None if value is None else float(value) for value in made], kind)
    else:
        column = pa.array(made, pa.decimal128(38, kind.scale)).cast(kind, safe=False)
    return pa.chunked_array([column.take(encoded.indices)])


def _coarse(value: float | Decimal) -> Decimal:
    return coarse_number(value if isinstance(value, Decimal) else Decimal(repr(value)))
