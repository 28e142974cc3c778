"""What an analyst gets: estimates with error bars, and a sentence that says what they mean."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Estimate(BaseModel):
    """One number of one group. `margin`: half the width of the noise's interval; None if unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    group: dict[str, str]
    statistic: str
    value: float | None
    margin: float | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ends of the confidence interval."""
        if self.value is None or self.margin is None:
            return None
        return self.value - self.margin, self.value + self.margin


class Answer(BaseModel):
    """A release: what was asked, all estimates, a plain sentence, the privacy statement."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    question: str
    dataset_version: str
    confidence: float
    estimates: tuple[Estimate, ...]
    sentence: str
    statement: dict[str, Any]

    @property
    def statement_text(self) -> str:
        """The statement as JSON, to stand beside the figures."""
        return json.dumps(self.statement, ensure_ascii=False, sort_keys=True)

    def values(self, statistic: str) -> dict[tuple[str, ...], float | None]:
        """The estimates of one statistic by group."""
        return {tuple(e.group.values()): e.value for e in self.estimates if e.statistic == statistic}
