"""Defines the result of one check and the results of all checks of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.quality.check import Severity

Example = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Attributes:
        element_count: number of rows in scope; None for a check of a single value.
        unexpected_count: number of rows that break the check; None for a check of a single value.
        observed_value: the value that was compared; None for a check of rows.
        examples: rows that break the check, without personal data: only values of non-personal columns, and the file
            and line of the row.
        fault: the reason why the check could not be run; None if it ran. A check that could not be run has not passed.
    """

    name: str
    kind: str
    column: str | None
    passed: bool
    severity: Severity
    description: str
    element_count: int | None = None
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    observed_value: str | int | float | bool | None = None
    examples: tuple[Example, ...] = ()
    fault: str | None = None

    @property
    def is_blocking(self) -> bool:
        """Whether tables built from this one must not be built: the check failed with severity `error`."""
        return not self.passed and self.severity == "error"

    @property
    def summary(self) -> str:
        """The result in one line of text.

        >>> promise = "week lies between 1 and 53"
        >>> found = CheckResult("range_week", "range", "week", False, "warning", promise, 200, 3, 1.5)
        >>> found.summary
        'week lies between 1 and 53: 3 of 200 rows (1.5 %) break it'
        """
        if self.fault:
            return f"{self.description}: could not be checked: {self.fault}"
        if self.unexpected_count is None:
            return f"{self.description}: found {self.observed_value}"
        percent = f"{self.unexpected_percent or 0:.3g} %"
        return f"{self.description}: {self.unexpected_count} of {self.element_count} rows ({percent}) break it"


@dataclass(frozen=True)
class TableQuality:
    """The results of all checks of a table.

    `rows` is the number of rows, None if it could not be counted. `report` is Great Expectations' JSON, from which Data
    Docs are built; it holds no personal data.
    """

    table: str
    results: tuple[CheckResult, ...]
    rows: int | None
    seconds: float
    report: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(result.passed for result in self.results)

    @property
    def blocking(self) -> tuple[CheckResult, ...]:
        """The failed checks with severity `error`; tables built from this one must not be built."""
        return tuple(result for result in self.results if result.is_blocking)

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """The failed checks with severity `warning`."""
        return tuple(result for result in self.results if not result.passed and not result.is_blocking)
