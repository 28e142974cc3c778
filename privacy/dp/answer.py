"""The answer to a question: estimates with margins, and a sentence that explains them."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Estimate(BaseModel):
    """One statistic of one group. `margin`: half of its confidence interval. None: too little data for an estimate."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    group: dict[str, str]
    statistic: str
    value: float | None
    margin: float | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends of the confidence interval; None if the value or the margin is unknown."""
        if self.value is None or self.margin is None:
            return None
        return self.value - self.margin, self.value + self.margin


class Answer(BaseModel):
    """A release: hash of the question, period, estimates, explaining sentence and privacy statement.

    `period`: the period in which the same question gets this answer again, such as "day 2026-11-29". No field depends
    exactly on the data: a version or a digest of the rows would reveal that a customer came, left or withdrew.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    question: str
    period: str
    confidence: float
    estimates: tuple[Estimate, ...]
    sentence: str
    statement: dict[str, Any]

    @property
    def statement_text(self) -> str:
        """The privacy statement as JSON, to be stored with the estimates."""
        return json.dumps(self.statement, ensure_ascii=False, sort_keys=True)

    def values(self, statistic: str) -> dict[tuple[str, ...], float | None]:
        """Return the values of one statistic by group; None where there was too little data for an estimate."""
        return {tuple(e.group.values()): e.value for e in self.estimates if e.statistic == statistic}
