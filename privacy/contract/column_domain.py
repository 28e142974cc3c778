"""Reads the allowed values of a column: type, bounds, pattern and enumeration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from open_data_contract_standard.model import SchemaProperty

from privacy.contract.column import Bound
from privacy.contract.spark_type import parse_type
from privacy.contract.yaml_source import Source, YamlPath
from privacy.contract.zone import is_zone

# Spark types that each logical type may be stored as. The first is used when physicalType is missing.
SPARK_TYPES: dict[str, tuple[str, ...]] = {
    "string": ("string",),
    "integer": ("bigint", "int", "smallint", "tinyint"),
    "number": ("double", "float", "decimal"),
    "boolean": ("boolean",),
    "date": ("date",),
    "timestamp": ("timestamp_ntz", "timestamp"),
    "array": ("array",),
    "object": ("struct",),
    "map": ("map",),
}
_TEXT_OPTIONS = ("minLength", "maxLength", "pattern")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "string": _TEXT_OPTIONS,
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "date": ("minimum", "maximum", "format"),
    "timestamp": ("minimum", "maximum", "format", "timezone", "defaultTimezone"),
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "date": (str,),
    "timestamp": (str,),
}


def read_spark_type(entry: SchemaProperty, logical_type: str, place: YamlPath, source: Source) -> str:
    """Return the column's Spark SQL type: physicalType, or the default of its logicalType. "" after a fault."""
    allowed = SPARK_TYPES.get(logical_type)
    if allowed is None:
        source.report(
            (*place, "logicalType"),
            f"Column {entry.name!r} has a missing or unknown logicalType",
            got=repr(entry.logicalType),
            expected=f"one of {', '.join(SPARK_TYPES)}",
        )
        return ""
    spark_type = (entry.physicalType or allowed[0]).lower().replace(", ", ",")
    where = (*place, "physicalType")
    try:
        name = parse_type(spark_type).name
    except ValueError as error:
        source.report(
            where,
            f"Column {entry.name!r} has an unknown physicalType",
            got=f"{entry.physicalType!r}: {error}",
            expected=f"a Spark SQL type for {logical_type}: {' or '.join(allowed)}",
        )
        return ""
    if name not in allowed:
        source.report(
            where,
            f"Column {entry.name!r}: physicalType does not fit logicalType",
            got=f"{spark_type} for {logical_type}",
            expected=" or ".join(allowed),
        )
    return spark_type


def read_options(entry: SchemaProperty, logical_type: str, place: YamlPath, source: Source) -> dict[str, Any]:
    """Return the logicalTypeOptions of a column. An option that Bojagi does not enforce is reported as a fault."""
    known = _OPTIONS.get(logical_type, ())
    options = entry.logicalTypeOptions or {}
    where = (*place, "logicalTypeOptions")
    for key, value in options.items():
        about = f"Column {entry.name!r}: option {key!r}"
        if key not in known:
            expected = f"one of {', '.join(known)}" if known else "no options"
            hint = "write the rule under quality instead"
            source.report((*where, key), f"{about} is not enforced for {logical_type}", expected=expected, hint=hint)
        elif key in ("minLength", "maxLength") and (not isinstance(value, int) or isinstance(value, bool)):
            source.report((*where, key), f"{about} is not a whole number", got=repr(value))
        elif key in ("pattern", "format") and not isinstance(value, str):
            source.report((*where, key), f"{about} is not a text", got=repr(value), hint="put it in quotes")
        elif key == "timezone" and not isinstance(value, bool):
            source.report((*where, key), f"{about} is neither true nor false", got=repr(value))
        elif key == "defaultTimezone" and not is_zone(value):
            expected = "an IANA zone such as Asia/Seoul, or an offset such as '+09:00'"
            source.report((*where, key), f"{about} is not a time zone", got=repr(value), expected=expected)
    _check_pattern(options.get("pattern"), (*where, "pattern"), source)
    return options


def _check_pattern(pattern: Any, place: YamlPath, source: Source) -> None:
    if not isinstance(pattern, str):
        return
    try:
        re.compile(pattern)
    except re.error as error:
        message = "The pattern is not a valid regular expression"
        source.report(place, message, got=f"{pattern!r}: {error}", hint="correct the pattern")


def read_bound(
    options: Mapping[str, Any], key: str, logical_type: str, place: YamlPath, source: Source
) -> Bound | None:
    """Return one bound as a number, date or datetime; None when it is not set or has a fault."""
    value = options.get(key)
    if value is None:
        return None
    place = (*place, key)
    try:
        if logical_type == "date" and isinstance(value, str):
            return date.fromisoformat(value)
        if logical_type == "timestamp" and isinstance(value, str):
            return datetime.fromisoformat(value)
    except ValueError:
        source.report(place, f"The {key} is not a valid date", got=repr(value), expected=f"an ISO 8601 {logical_type}")
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if logical_type in ("integer", "number") and is_number:
        return cast(Bound, value)
    hint = "put dates in quotes" if isinstance(value, date) else ""
    source.report(
        place,
        f"The {key} has the wrong type",
        got=repr(value),
        expected=f"a value for {logical_type}",
        hint=hint,
    )
    return None


def read_enum(
    entry: SchemaProperty, logical_type: str, place: YamlPath, source: Source
) -> tuple[str | int | float | bool, ...] | None:
    """Return the allowed values of an enumeration; None when the contract allows any value."""
    if entry.enum is None:
        return None
    allowed = _PYTHON_TYPES.get(logical_type, ())
    for index, item in enumerate(entry.enum):
        # Python counts True and False as integers.
        is_wrong_boolean = isinstance(item.value, bool) and bool not in allowed
        if not isinstance(item.value, allowed) or is_wrong_boolean:
            source.report(
                (*place, "enum", index, "value"),
                f"Column {entry.name!r}: an enum value has the wrong type",
                got=repr(item.value),
                expected=logical_type,
                hint="put it in quotes" if allowed == (str,) else "",
            )
    return tuple(cast(str, item.value) for item in entry.enum)
