"""Translates row-wise expectations of Great Expectations to SQL, so that they run in the shared pass over a table.

Great Expectations would run a query for each of them. The SQL has the meaning that its documentation states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.quality import sql

_COMMON = frozenset({"mostly"})


@dataclass(frozen=True)
class SqlRule:
    """A row-wise Great Expectations rule as SQL.

    `violation` is the condition for a bad row, `element` the condition for a row in scope. At most `max_percent` of the
    rows in scope may be bad. `pipelines.quality.check.RowCheck` has the same three fields.
    """

    violation: str
    element: str
    max_percent: float


def to_sql_rule(expectation: str, arguments: Mapping[str, Any]) -> SqlRule | None:
    """Return an expectation as a SQL rule, or None if Great Expectations itself must run it.

    Great Expectations must run an expectation that is not row-wise, or that has an argument without translation, such
    as `row_condition`.

    >>> to_sql_rule("expect_column_values_to_not_be_null", {"column": "a", "mostly": 0.9})
    SqlRule(violation='`a` is null', element='true', max_percent=10.0)
    >>> to_sql_rule("expect_column_mean_to_be_between", {"column": "a"}) is None
    True
    """
    entry = _TRANSLATIONS.get(expectation)
    if entry is None:
        return None
    known, build = entry
    if not set(arguments) <= known | _COMMON:
        return None
    rule = build(arguments)
    if rule is None:
        return None
    violation, element = rule
    return SqlRule(violation, element, round(100 * (1 - float(arguments.get("mostly", 1))), 9))


def _pair(arguments: Mapping[str, Any], comparison: str) -> tuple[str, str] | None:
    if arguments.get("ignore_row_if", "both_values_are_missing") != "either_value_is_missing":
        return None
    first, second = sql.name(arguments["column_A"]), sql.name(arguments["column_B"])
    return f"not {first} {comparison} {second}", f"{first} is not null and {second} is not null"


def _greater(arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    return _pair(arguments, ">=" if arguments.get("or_equal") else ">")


def _equal(arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    return _pair(arguments, "=")


def _not_null(arguments: Mapping[str, Any]) -> tuple[str, str]:
    return f"{sql.name(arguments['column'])} is null", "true"


def _null(arguments: Mapping[str, Any]) -> tuple[str, str]:
    return f"{sql.name(arguments['column'])} is not null", "true"


def _of_value(arguments: Mapping[str, Any], violation: str) -> tuple[str, str]:
    return violation, f"{sql.name(arguments['column'])} is not null"


def _between(arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    quoted = sql.name(arguments["column"])
    low, high = arguments.get("min_value"), arguments.get("max_value")
    below = "<=" if arguments.get("strict_min") else "<"
    above = ">=" if arguments.get("strict_max") else ">"
    terms = [f"{quoted} {below} {sql.literal(low)}"] if low is not None else []
    terms += [f"{quoted} {above} {sql.literal(high)}"] if high is not None else []
    return _of_value(arguments, " or ".join(terms)) if terms else None


def _in_set(arguments: Mapping[str, Any]) -> tuple[str, str]:
    quoted = sql.name(arguments["column"])
    return _of_value(arguments, f"{quoted} not in {sql.list_of(tuple(arguments['value_set']))}")


def _not_in_set(arguments: Mapping[str, Any]) -> tuple[str, str]:
    quoted = sql.name(arguments["column"])
    return _of_value(arguments, f"{quoted} in {sql.list_of(tuple(arguments['value_set']))}")


def _matches(arguments: Mapping[str, Any]) -> tuple[str, str]:
    pattern = sql.literal(str(arguments["regex"]))
    return _of_value(arguments, f"not {sql.name(arguments['column'])} rlike {pattern}")


def _does_not_match(arguments: Mapping[str, Any]) -> tuple[str, str]:
    pattern = sql.literal(str(arguments["regex"]))
    return _of_value(arguments, f"{sql.name(arguments['column'])} rlike {pattern}")


_Build = Callable[[Mapping[str, Any]], tuple[str, str] | None]
_PAIR = frozenset({"column_A", "column_B", "ignore_row_if"})
_COLUMN = frozenset({"column"})
_TRANSLATIONS: dict[str, tuple[frozenset[str], _Build]] = {
    "expect_column_pair_values_a_to_be_greater_than_b": (_PAIR | {"or_equal"}, _greater),
    "expect_column_pair_values_to_be_equal": (_PAIR, _equal),
    "expect_column_values_to_not_be_null": (_COLUMN, _not_null),
    "expect_column_values_to_be_null": (_COLUMN, _null),
    "expect_column_values_to_be_between": (
        _COLUMN | {"min_value", "max_value", "strict_min", "strict_max"},
        _between,
    ),
    "expect_column_values_to_be_in_set": (_COLUMN | {"value_set"}, _in_set),
    "expect_column_values_to_not_be_in_set": (_COLUMN | {"value_set"}, _not_in_set),
    "expect_column_values_to_match_regex": (_COLUMN | {"regex"}, _matches),
    "expect_column_values_to_not_match_regex": (_COLUMN | {"regex"}, _does_not_match),
}
