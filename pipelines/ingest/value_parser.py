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

from pipelines.ingest.number_text import plain_number
from pipelines.ingest.time_format import TextTime, is_iso, read_iso, time_format
from pipelines.ingest.time_number import NO_UNIT, NUMBER, read_number_time
from pipelines.ingest.time_zone import shop_time
from pipelines.ingest.value_fault import Fault, ValueFaultError, plain_text
from pipelines.ingest.value_rule import PLAIN, ValueRule
from privacy.protection.normal_form import is_scientific

# Some exports write booleans with nulls as numbers.
TRUE_TEXTS = frozenset({"true", "t", "yes", "y", "1", "1.0"})
FALSE_TEXTS = frozenset({"false", "f", "no", "n", "0", "0.0"})
LEADING_ZERO: Fault = (
    "leading_zero",
    "a whole number with a leading zero may be a code: state logicalType string to keep the zero, "
    "or a numberFormat if zeros only pad the number",
)
LOST_DIGITS: Fault = ("type", "scientific notation: a spreadsheet may have cut digits; export the column as text")
_INTEGER = re.compile(r"[+-]?[0-9]+(?:\.0+)?")
# Three digits after the only point are a fraction in one country and thousands in another. The contract's scale, or an
# integer type, says that a fraction of three digits is not meant; zeros at its end would hide that.
_GROUP_OR_FRACTION = re.compile(r"[+-]?[0-9]{1,3}\.[0-9]{3}")
THOUSANDS_OR_FRACTION: Fault = (
    "number_format",
    "three digits after a point: thousands, or a fraction with more digits than the type; "
    "state numberFormat in the contract",
)
_PADDED = re.compile(r"[+-]?0[0-9]+.*")


def reader(target: pa.DataType, rule: ValueRule = PLAIN) -> Callable[[str], Any]:
    """Return the function that reads a value of the Arrow type from text by the column's rule.

    The function raises ValueError or OverflowError for a text that is not such a value, as `ValueFaultError` if the
    reason is known.

    Raises:
        ValueError: values of the type cannot be read from text.
    """
    if pa.types.is_integer(target):
        return lambda text: read_integer(text, target.bit_width, rule)
    if pa.types.is_floating(target):
        return lambda text: read_number(text, rule)
    if pa.types.is_decimal(target):
        return lambda text: read_decimal(text, target.precision, target.scale, rule)
    if pa.types.is_date(target) or pa.types.is_timestamp(target):
        return lambda text: read_time(text, target, rule)
    if pa.types.is_boolean(target):
        return read_boolean
    raise ValueError(f"values of type {target} cannot be read from text; use another physicalType in the contract")


def read_integer(text: str, bits: int, rule: ValueRule = PLAIN) -> int:
    """Read an integer of `bits` bits. 12.0 is read as 12, because some exports write integers with nulls that way."""
    text = _plain(text, rule, 0)
    if not _INTEGER.fullmatch(text):
        raise ValueFaultError(*(LOST_DIGITS if is_scientific(text) else ()))
    if rule.keeps_zeros and _PADDED.fullmatch(text):
        raise ValueFaultError(*LEADING_ZERO)
    number = int(text.split(".")[0])
    if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        raise ValueFaultError("type", f"a whole number beyond {bits} bits")
    return number


def read_number(text: str, rule: ValueRule = PLAIN) -> float:
    """Read a finite number, with an optional exponent."""
    number = float(plain_number(text, rule.number_format))
    if not math.isfinite(number):
        raise ValueFaultError
    return number


def read_decimal(text: str, precision: int, scale: int, rule: ValueRule = PLAIN) -> Decimal:
    """Read an exact decimal. More decimal places than `scale` are an error; nothing is rounded."""
    try:
        number = Decimal(_plain(text, rule, scale))
        exact = number.quantize(Decimal(1).scaleb(-scale))
    except InvalidOperation as error:
        raise ValueFaultError("type", "a number with more digits than the type has") from error
    if exact != number or abs(exact) >= Decimal(10) ** (precision - scale):
        raise ValueFaultError("type", f"a number with more digits than decimal({precision},{scale}) has")
    return exact


def _plain(text: str, rule: ValueRule, scale: int) -> str:
    """Return a number in plain form; without a number format, `1.000` is refused where three decimals are too many."""
    if rule.number_format is None and scale < 3 and _GROUP_OR_FRACTION.fullmatch(plain_text(text)):
        raise ValueFaultError(*THOUSANDS_OR_FRACTION)
    return plain_number(text, rule.number_format)


def read_time(text: str, target: pa.DataType, rule: ValueRule = PLAIN) -> datetime.datetime | datetime.date:
    """Read a time or a day, and convert it to the shop's wall time, or to an instant if the target has a zone.

    With a time unit a number is read by it. Other texts are read in the contract's Java format, or as ISO 8601. ISO
    8601 text that states its zone is read in any case, because it has one meaning only.
    """
    text = plain_text(text)
    if rule.time_unit is not None and NUMBER.fullmatch(text):
        return shop_time(read_number_time(text, rule.time_unit), rule.zones, target)
    return shop_time(_read_text_time(text, target, rule), rule.zones, target)


def _read_text_time(text: str, target: pa.DataType, rule: ValueRule) -> TextTime:
    date_format = rule.date_format
    if date_format is not None and not is_iso(date_format) and date_format != "yyyy-MM-dd":
        try:
            return time_format(date_format).read(text, rule.year_pivot, rule.latest)
        except ValueFaultError as error:
            return _read_zoned_iso(text, error)
    if rule.time_unit is None and NUMBER.fullmatch(text):
        raise ValueFaultError(*NO_UNIT)
    moment = read_iso(text)
    is_day = len(text) <= len("yyyy-MM-dd")
    if is_day and date_format is not None and is_iso(date_format) and not pa.types.is_date(target):
        raise ValueFaultError
    if not is_day and date_format == "yyyy-MM-dd" and moment.zone is None and not pa.types.is_date(target):
        raise ValueFaultError
    return moment


def _read_zoned_iso(text: str, fault: ValueFaultError) -> TextTime:
    """Return the time of an ISO 8601 text that states its zone; raise the fault for any other text."""
    try:
        moment = read_iso(text)
    except ValueError:
        raise fault from None
    if moment.zone is None:
        raise fault
    return moment


def read_boolean(text: str) -> bool:
    """Read true or false in the usual spellings (true, t, yes, y, 1; false, f, no, n, 0), in any case."""
    text = plain_text(text).lower()
    if text in TRUE_TEXTS:
        return True
    if text in FALSE_TEXTS:
        return False
    raise ValueFaultError("type", "neither true nor false")
