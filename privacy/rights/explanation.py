"""Explanations of automated decisions (GDPR art. 15(1)(h) and 22, PIPA art. 37-2).

A package that decides about persons automatically implements `DecisionExplainer` and offers it beside its stores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from privacy.rights.subject import Subject
from privacy.rights.wording import Wording


@dataclass(frozen=True)
class DecisionInput:
    """Data that a decision used: what it is, and its value now for the person; None where it is not kept."""

    title: Wording
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ExplainedDecision:
    """One kind of automated decision about a person, in plain words.

    Attributes:
        name: name of the decision, which a request may state.
        title: what is decided.
        logic: how it is decided, and which data count.
        effect: what it means for the person, and whether it has legal or similarly significant effects.
        times: how often it was made.
        last_at: when it was made last, the shop's local wall time.
        inputs: the data that it used.
        review: how the person gets a human review, states a view, or refuses the decision.
    """

    name: str
    title: Wording
    logic: Wording
    effect: Wording
    times: int
    last_at: datetime | None
    inputs: tuple[DecisionInput, ...] = field(repr=False)
    review: Wording


class DecisionExplainer(Protocol):
    """Explains the automated decisions of one part of the platform."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the decisions that it explains."""
        ...

    def explain(self, subject: Subject) -> Iterator[ExplainedDecision]:
        """Yield the decisions that concern the person."""
        ...
