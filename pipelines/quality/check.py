"""Defines the kinds of checks of a table, as plain data: the rule, how many rows may break it, its severity.

The classes depend on neither Spark nor Great Expectations. `gx_suite` turns each kind into an expectation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]
Number: TypeAlias = int | float


@dataclass(frozen=True)
class Range:
    """A range of allowed values. A limit of None means no limit.

    `is_minimum_strict` and `is_maximum_strict` exclude the limit itself. With `is_excluded` the values outside the
    range are allowed instead.
    """

    minimum: Number | str | None = None
    maximum: Number | str | None = None
    is_minimum_strict: bool = False
    is_maximum_strict: bool = False
    is_excluded: bool = False

    def admits(self, value: Number | str | None) -> bool:
        """Return whether the value is allowed; None is never allowed.

        >>> Range(1, 3).admits(3), Range(1, 3, is_maximum_strict=True).admits(3), Range(1).admits(None)
        (True, False, False)
        """
        if value is None:
            return False
        return self._holds(value) is not self.is_excluded

    def _holds(self, value: Any) -> bool:
        low, high = self.minimum, self.maximum
        above = low is None or value > low or (value == low and not self.is_minimum_strict)
        below = high is None or value < high or (value == high and not self.is_maximum_strict)
        return above and below


@dataclass(frozen=True, kw_only=True)
class Check:
    """The fields that every check has.

    Attributes:
        name: unique in its table; letters, digits and underscores.
        kind: group of the check, such as `key`, `required` or `range`.
        severity: `error` stops the tables that are built from this one, `warning` only reports.
        description: what the check expects, for people.
        column: the checked column; None if the check concerns several columns or the whole table.
    """

    name: str
    kind: str
    severity: Severity
    description: str
    column: str | None = None


@dataclass(frozen=True, kw_only=True)
class RowCheck(Check):
    """Checks that at most `max_percent` of the rows in scope are bad.

    `element` is a SQL condition for the rows in scope, `violation` a SQL condition for a bad row. A row for which
    `violation` is null is not bad.
    """

    violation: str
    element: str = "true"
    max_percent: float = 0.0


@dataclass(frozen=True, kw_only=True)
class KeyCheck(Check):
    """Checks that at most `max_percent` of the rows repeat the key of another row; null keys do not count.

    Of n rows with the same key, n - 1 are repetitions. With `one_in` above 1 only a sample of about one key in that
    many is checked, chosen by the key's hash. All rows of a chosen key are in the sample, so its share of repetitions
    estimates that of the whole table.
    """

    columns: tuple[str, ...]
    max_percent: float = 0.0
    one_in: int = 1


@dataclass(frozen=True, kw_only=True)
class OutlierCheck(Check):
    """Checks that at most `max_percent` of the non-null values are outliers.

    An outlier lies below Q1 - spread * IQR or above Q3 + spread * IQR. Q1 and Q3 are quartiles, IQR = Q3 - Q1 (Tukey
    1977, who calls values beyond a spread of 3 "far out").
    """

    column: str
    max_percent: float
    spread: float = 3.0


@dataclass(frozen=True, kw_only=True)
class ReferenceCheck(Check):
    """Checks that at most `max_percent` of the rows refer to a row that the parent table lacks (foreign key).

    `columns` are matched with `parent_columns` of the table `parent`. Rows with a null in `columns` do not count.
    """

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    max_percent: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MeasureCheck(Check):
    """Checks that a SQL aggregate over the whole table (`measure`) lies within the range."""

    measure: str
    within: Range


@dataclass(frozen=True, kw_only=True)
class SchemaCheck(Check):
    """Checks that the table has the columns `types` (name → Spark SQL type), and no others except `optional` ones."""

    types: Mapping[str, str]
    optional: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class QueryCheck(Check):
    """Checks that the single value that a SQL query returns lies within the range.

    The query finds a table such as `bronze/store` as the view `bronze_store`. `tables` lists the lakehouse names of
    the tables that it reads besides the checked table.
    """

    query: str
    within: Range
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NativeCheck(Check):
    """Runs a built-in expectation of Great Expectations unchanged, in a separate pass over the table."""

    type: str
    arguments: Mapping[str, Any]
