"""Errors of quality. Messages name tables, rules and columns, never values."""

from __future__ import annotations

from pipelines.errors import PipelineError


class QualityError(PipelineError):
    """The quality of a table could not be judged. `table` is its name or its contract's id."""

    def __init__(self, message: str, table: str) -> None:
        super().__init__(message)
        self.table = table


class QualityRuleError(QualityError):
    """A rule of a contract cannot be turned into a check. `rule` is its name."""

    def __init__(self, message: str, table: str, rule: str) -> None:
        super().__init__(message, table)
        self.rule = rule
