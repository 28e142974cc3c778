"""What came out of checking a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.quality.check import Severity

Example = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    `unexpected_count` of `element_count` rows break it; both are None for a check of one figure, which
    `observed_value` shows instead. `examples` hold no personal data: values of columns that say nothing about
    a person, and where the row came from. `fault` says why a check could not be run; such a check has not
    passed.
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
        """Whether what follows must not run on this table."""
        return not self.passed and self.severity == "error"

    @property
    def summary(self) -> str:
        """One line for people.

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
    """The outcome of all checks of a table. Data Docs are built from `report`; it holds no personal data."""

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
        """The failed checks that must stop what follows."""
        return tuple(result for result in self.results if result.is_blocking)

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """The failed checks that only report."""
        return tuple(result for result in self.results if not result.passed and not result.is_blocking)
