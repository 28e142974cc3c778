"""Reads one value from text: the exact meaning of each type, for `pipelines.ingest.cast` to follow."""

import datetime
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

TRUE_TEXTS = frozenset({"true", "t", "yes", "y", "1"})
FALSE_TEXTS = frozenset({"false", "f", "no", "n", "0"})
INTEGER = re.compile(r"[+-]?[0-9]+(?:\.0+)?")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
ISO_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?")
# The pattern letters of Java's date formats, which ODCS uses, in Python's terms.
JAVA_FIELDS = {
    "yyyy": "%Y",
    "yy": "%y",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%f",
    "SSSSSS": "%f",
}
JAVA_FORMAT = re.compile(r"'((?:[^']|'')*)'|([a-zA-Z])\2*|[^a-zA-Z']+")


def reader(target: pa.DataType, date_format: str | None) -> Callable[[str], Any]:
    """The function that reads a value of that Arrow type from text, or raises ValueError or OverflowError."""
    if pa.types.is_integer(target):
        return lambda text: read_integer(text, target.bit_width)
    if pa.types.is_floating(target):
        return read_number
    if pa.types.is_decimal(target):
        return lambda text: read_decimal(text, target.precision, target.scale)
    if pa.types.is_date(target):
        return lambda text: read_date(text, date_format)
    if pa.types.is_timestamp(target):
        return lambda text: read_timestamp(text, date_format)
    if pa.types.is_boolean(target):
        return read_boolean
    raise ValueError(f"no values of type {target} are read from text")


def read_integer(text: str, bits: int) -> int:
    """Digits with a sign; 12.0 is 12, as exports write it when a column has nulls."""
    text = text.strip()
    if not INTEGER.fullmatch(text):
        raise ValueError("not an integer")
    number = int(text.split(".")[0])
    if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        raise ValueError("too large")
    return number


def read_number(text: str) -> float:
    """A finite decimal number."""
    text = text.strip()
    if not NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise ValueError("not a number")
    return number


def read_decimal(text: str, precision: int, scale: int) -> Decimal:
    """An exact decimal: digits beyond the scale are no rounding but a fault."""
    text = text.strip()
    if not NUMBER.fullmatch(text):
        raise ValueError("not a number")
    try:
        number = Decimal(text)
        exact = number.quantize(Decimal(1).scaleb(-scale))
    except InvalidOperation as error:
        raise ValueError("too large") from error
    if exact != number or abs(exact) >= Decimal(10) ** (precision - scale):
        raise ValueError("more digits than the type has")
    return exact


def read_date(text: str, date_format: str | None) -> datetime.date:
    """A calendar day in the contract's format, by default ISO 8601."""
    text = text.strip()
    if date_format is not None and date_format != "yyyy-MM-dd":
        return _read_formatted(text, date_format).date()
    if not ISO_DATE.fullmatch(text):
        raise ValueError("not a date")
    return datetime.date.fromisoformat(text)


def read_timestamp(text: str, date_format: str | None) -> datetime.datetime:
    """A wall time in the contract's format, by default ISO 8601 without a zone."""
    text = text.strip()
    if date_format is not None and not is_iso(date_format):
        return _read_formatted(text, date_format)
    if not ISO_TIMESTAMP.fullmatch(text) or (date_format is not None and len(text) <= len("yyyy-MM-dd")):
        raise ValueError("not a time")
    return datetime.datetime.fromisoformat(text)


def read_boolean(text: str) -> bool:
    """Yes or no in the usual spellings."""
    text = text.strip().lower()
    if text in TRUE_TEXTS:
        return True
    if text in FALSE_TEXTS:
        return False
    raise ValueError("neither true nor false")


def is_iso(date_format: str) -> bool:
    """Whether a Java format is one of ISO 8601's for a wall time to the second."""
    return date_format.replace("'T'", " ") == "yyyy-MM-dd HH:mm:ss"


def python_format(date_format: str) -> str:
    """A Java date format (yyyy.MM.dd HH:mm) as Python's strptime takes it.

    Raises:
        ValueError: the format has a letter that is not supported.

    """
    parts = []
    for match in JAVA_FORMAT.finditer(date_format):
        token = match.group(0)
        if token.startswith("'"):
            parts.append(match.group(1).replace("''", "'").replace("%", "%%") or "'")
        elif match.group(2) is None:
            parts.append(token.replace("%", "%%"))
        elif token in JAVA_FIELDS:
            parts.append(JAVA_FIELDS[token])
        else:
            raise ValueError(f"date format {date_format!r} has {token!r}; known are {', '.join(JAVA_FIELDS)}")
    return "".join(parts)


def _read_formatted(text: str, date_format: str) -> datetime.datetime:
    pattern = python_format(date_format)
    moment = datetime.datetime.strptime(text, pattern)  # noqa: DTZ007 - wall time, as the source wrote it
    # strptime takes 1 for 01; the contract's format does not.
    if "%f" not in pattern and moment.strftime(pattern) != text:
        raise ValueError("not in the format")
    return moment
