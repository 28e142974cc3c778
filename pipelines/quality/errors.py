"""Errors of the quality checks. Their messages name tables, rules and columns, never values."""

from __future__ import annotations

from pipelines.errors import PipelineError


class QualityError(PipelineError):
    """The quality of a table could not be checked. `table` is the table's name or the id of its contract."""

    def __init__(self, message: str, table: str) -> None:
        super().__init__(message)
        self.table = table


class QualityRuleError(QualityError):
    """A rule of a contract cannot be converted to a check. `rule` is the rule's name."""

    def __init__(self, message: str, table: str, rule: str) -> None:
        super().__init__(message, table)
        self.rule = rule
