"""Errors of segments."""

from __future__ import annotations

from features.insight.errors import InsightError
from features.insight.group_size import K


class NoSegmentsError(InsightError):
    """There are no segments to show."""

    def __init__(self) -> None:
        super().__init__(
            f"There are no segments. They need at least {K} customers with orders who permit personalisation: run "
            "`bojagi run`, and see `bojagi consent` for permissions."
        )
