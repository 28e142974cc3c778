"""Rules for one contract about how values are read: date formats, zones, time units and number formats."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.contracts.basic_rules import CheckedContract, Rule
from pipelines.ingest.time_format import TimeFormat, time_format
from privacy.contract.document import Document
from privacy.contract.fault import Fault
from privacy.contract.yaml_source import Source

_TIMES = ("date", "timestamp")
_NUMBERS = ("integer", "number")
_NO_CURRENCY = frozenset("0123456789.,'()+-% ")


def check_value_rules(document: Document, source: Source) -> list[Fault]:
    """Return every violation of this module's rules by one contract."""
    checked = CheckedContract(document, source)
    return [fault for rule in VALUE_RULES for fault in rule(checked)]


def _date_formats_can_be_parsed(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        if column.logical_type not in _TIMES:
            continue
        if not isinstance(column.date_format, str):
            if column.year_pivot is not None:
                message = f"Column {column.name!r} has a yearPivot, but no format with a two-digit year"
                yield checked.fault(message, column=column, hint="add format, or remove yearPivot")
            continue
        try:
            compiled = time_format(column.date_format)
        except ValueError as error:
            message = f"Column {column.name!r}: the date format cannot be parsed"
            hint = "write a Java date format such as yyyy-MM-dd HH:mm:ss"
            yield checked.fault(message, column=column, got=str(error), hint=hint)
            continue
        yield from _pivot_fits(checked, column.name, compiled)
        if column.has_zone and not compiled.fields & {"offset", "zone"}:
            message = f"Column {column.name!r} must state zones, but its format has none"
            yield checked.fault(message, column=column, got=column.date_format, hint="add XXX, or remove timezone")


def _pivot_fits(checked: CheckedContract, name: str, compiled: TimeFormat) -> Iterator[Fault]:
    column = checked.document.column(name)
    is_short = "short_year" in compiled.fields
    if is_short and column.year_pivot is None:
        hint = "add yearPivot: years from this number on are 19yy, smaller ones 20yy"
        message = f"Column {name!r} has two-digit years without a yearPivot"
        yield checked.fault(message, column=column, got=compiled.text, hint=hint)
    if not is_short and column.year_pivot is not None:
        message = f"Column {name!r} has a yearPivot, but its format has no two-digit year"
        yield checked.fault(message, column=column, got=compiled.text, hint="remove yearPivot, or write yy")


def _time_rules_are_on_times(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        if column.logical_type in _TIMES or not column.logical_type:
            continue
        for name, value in (("timeUnit", column.time_unit), ("yearPivot", column.year_pivot)):
            if value is not None:
                message = f"Column {column.name!r} has a {name} but is no time"
                yield checked.fault(message, column=column, got=column.logical_type, expected="date or timestamp")


def _time_unit_stands_alone(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        if column.time_unit is None or column.logical_type not in _TIMES:
            continue
        if column.date_format is not None:
            message = f"Column {column.name!r} has both a timeUnit and a format"
            hint = "keep timeUnit where the values are numbers, format where they are text"
            yield checked.fault(message, column=column, got=column.date_format, hint=hint)
        if column.time_unit == "excel_days" and column.has_zone:
            message = f"Column {column.name!r} must state zones, but Excel days have none"
            yield checked.fault(message, column=column, hint="remove timezone, and state defaultTimezone")


def _number_format_is_on_numbers(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        if column.number_format is None or not column.logical_type:
            continue
        if column.logical_type not in _NUMBERS:
            message = f"Column {column.name!r} has a numberFormat but is no number"
            yield checked.fault(message, column=column, got=column.logical_type, expected="integer or number")
        for sign in column.number_format.currency:
            if not sign.strip() or _NO_CURRENCY & set(sign.strip()):
                message = f"Column {column.name!r}: a currency of the numberFormat could be part of a number"
                yield checked.fault(message, column=column, got=repr(sign), expected="a sign or code such as ₩ or KRW")


VALUE_RULES: tuple[Rule, ...] = (
    _date_formats_can_be_parsed,
    _time_rules_are_on_times,
    _time_unit_stands_alone,
    _number_format_is_on_numbers,
)
