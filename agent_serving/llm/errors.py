"""Errors of language models. Messages name models and reasons, never what was asked or answered."""

from __future__ import annotations

from enum import StrEnum

from agent_serving.errors import ServingError


class Failure(StrEnum):
    """The reason why a model did not answer."""

    NO_MODEL = "no_model"
    NOT_REACHABLE = "not_reachable"
    BUSY = "busy"
    FAILED = "failed"
    REFUSED = "refused"
    CONTEXT_OVERFLOW = "context_overflow"
    SLOW = "slow"
    CUT = "cut"
    BROKEN = "broken"
    ENDLESS = "endless"
    EMPTY = "empty"
    CIRCUIT_OPEN = "circuit_open"


RETRIED = frozenset({Failure.NOT_REACHABLE, Failure.BUSY, Failure.FAILED, Failure.CUT, Failure.BROKEN})
"""Failures after which the same model is asked once more. Another attempt may end differently, and soon."""
UNHEALTHY = RETRIED | {Failure.SLOW, Failure.ENDLESS}
"""Failures that count against a model's health. The others depend on the request."""


class ModelUnavailable(ServingError):
    """A model did not answer. `model` is its name in the settings, `failure` the reason."""

    def __init__(self, model: str, failure: Failure) -> None:
        super().__init__(f"The model {model} did not answer: {failure.value}.")
        self.model, self.failure = model, failure
