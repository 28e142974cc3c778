"""Reads single values of each type from text.

`pipelines.ingest.type_cast` converts whole columns and must give the same results.
"""

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
# The pattern letters of Java's date formats, which ODCS uses, and their Python directives.
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
    """Return the function that reads a value of the Arrow type from text.

    The function raises ValueError or OverflowError for a text that is not such a value. `date_format` is a Java date
    format; None means ISO 8601.

    Raises:
        ValueError: values of the type cannot be read from text.
    """
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
    raise ValueError(f"values of type {target} cannot be read from text; use another physicalType in the contract")


def read_integer(text: str, bits: int) -> int:
    """Read an integer of `bits` bits. 12.0 is read as 12, because some exports write integers with nulls that way."""
    text = text.strip()
    if not INTEGER.fullmatch(text):
        raise ValueError("not an integer")
    number = int(text.split(".")[0])
    if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        raise ValueError("too large")
    return number


def read_number(text: str) -> float:
    """Read a finite number, with an optional exponent."""
    text = text.strip()
    if not NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise ValueError("not a number")
    return number


def read_decimal(text: str, precision: int, scale: int) -> Decimal:
    """Read an exact decimal. More decimal places than `scale` are an error; nothing is rounded."""
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
    """Read a date in the contract's Java format; None means ISO 8601."""
    text = text.strip()
    if date_format is not None and date_format != "yyyy-MM-dd":
        return _read_formatted(text, date_format).date()
    if not ISO_DATE.fullmatch(text):
        raise ValueError("not a date")
    return datetime.date.fromisoformat(text)


def read_timestamp(text: str, date_format: str | None) -> datetime.datetime:
    """Read a time without time zone in the contract's Java format; None means ISO 8601."""
    text = text.strip()
    if date_format is not None and not is_iso(date_format):
        return _read_formatted(text, date_format)
    if not ISO_TIMESTAMP.fullmatch(text) or (date_format is not None and len(text) <= len("yyyy-MM-dd")):
        raise ValueError("not a time")
    return datetime.datetime.fromisoformat(text)


def read_boolean(text: str) -> bool:
    """Read true or false in the usual spellings (true, t, yes, y, 1; false, f, no, n, 0), in any case."""
    text = text.strip().lower()
    if text in TRUE_TEXTS:
        return True
    if text in FALSE_TEXTS:
        return False
    raise ValueError("neither true nor false")


def is_iso(date_format: str) -> bool:
    """Return whether a Java format is ISO 8601 without time zone, to the second."""
    return date_format.replace("'T'", " ") == "yyyy-MM-dd HH:mm:ss"


def python_format(date_format: str) -> str:
    """Return the `strptime` format of a Java date format, such as yyyy.MM.dd HH:mm.

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
            raise ValueError(
                f"date format {date_format!r} has the unknown part {token!r}; expected {', '.join(JAVA_FIELDS)}"
            )
    return "".join(parts)


def _read_formatted(text: str, date_format: str) -> datetime.datetime:
    pattern = python_format(date_format)
    moment = datetime.datetime.strptime(text, pattern)  # noqa: DTZ007 - wall time, as the source wrote it
    # strptime accepts 1 for 01; the contract's format does not.
    if "%f" not in pattern and moment.strftime(pattern) != text:
        raise ValueError("not in the format")
    return moment
