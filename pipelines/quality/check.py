"""What can be checked of a table, as data: what a break is, how much of it is allowed, how bad it is.

A check knows neither Spark nor Great Expectations; `gx_expectation` turns each kind into an expectation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]
Number: TypeAlias = int | float


@dataclass(frozen=True)
class Range:
    """The values that a measure may take. `None` is no limit; `is_excluded` means it must lie outside."""

    minimum: Number | str | None = None
    maximum: Number | str | None = None
    is_minimum_strict: bool = False
    is_maximum_strict: bool = False
    is_excluded: bool = False

    def admits(self, value: Number | str | None) -> bool:
        """Tell whether the value lies in the range; no value lies in none.

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
    """What every check has. `name` is unique in its table and made of letters, digits and underscores."""

    name: str
    kind: str
    severity: Severity
    description: str
    column: str | None = None


@dataclass(frozen=True, kw_only=True)
class RowCheck(Check):
    """Rows for which `violation` (SQL, true for a bad row) holds, of the rows for which `element` holds."""

    violation: str
    element: str = "true"
    max_percent: float = 0.0


@dataclass(frozen=True, kw_only=True)
class KeyCheck(Check):
    """Rows beyond the first of each key; rows with a null in the key are left out.

    `one_in` above 1 looks only at the rows of one key in so many, chosen by the key's hash: rows of the same
    key stay together, so the share of repeated rows is that of the whole table but for chance.
    """

    columns: tuple[str, ...]
    max_percent: float = 0.0
    one_in: int = 1


@dataclass(frozen=True, kw_only=True)
class OutlierCheck(Check):
    """Values beyond the fences Q1 - spread * IQR and Q3 + spread * IQR (Tukey 1977; 3 is his "far out")."""

    column: str
    max_percent: float
    spread: float = 3.0


@dataclass(frozen=True, kw_only=True)
class ReferenceCheck(Check):
    """Rows whose values are not found in the parent table; rows with a null in them refer to nothing."""

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    max_percent: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MeasureCheck(Check):
    """One figure of the whole table (`measure`, a SQL aggregate) lies within the range."""

    measure: str
    within: Range


@dataclass(frozen=True, kw_only=True)
class SchemaCheck(Check):
    """The table has these columns with these Spark SQL types. Technical columns may stand beside them."""

    types: Mapping[str, str]
    optional: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class QueryCheck(Check):
    """The one figure that a SQL query returns lies within the range.

    Tables are views named `layer_table`; `tables` are the lakehouse names of those besides the check's own.
    """

    query: str
    within: Range
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NativeCheck(Check):
    """An expectation of Great Expectations' own, passed through; costs passes of its own."""

    type: str
    arguments: Mapping[str, Any]
