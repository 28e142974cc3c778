"""What a language model is asked and what it answers, and the protocol of whatever answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol


class Task(StrEnum):
    """What a model is asked for. Settings map each to a tier of models."""

    PLAN = "plan"
    SHORT_ANSWER = "short_answer"
    ANALYSIS = "analysis"
    HARD = "hard"
    EXTRACT = "extract"


@dataclass(frozen=True)
class Message:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str = field(repr=False)


@dataclass(frozen=True)
class Usage:
    """Tokens of one call as the server counted them. `cached` are tokens of the prompt that it had computed before."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    cost: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt, self.completion + other.completion, self.cached + other.cached,
            self.cost + other.cost,
        )  # fmt: skip


@dataclass(frozen=True)
class Completion:
    """A whole answer without its reasoning. `model` is the name that the settings give the model."""

    text: str = field(repr=False)
    usage: Usage
    model: str


@dataclass(frozen=True)
class Request:
    """One call. `schema` constrains the answer to JSON of that schema."""

    task: Task
    messages: Sequence[Message]
    most_tokens: int
    schema: Mapping[str, Any] | None = None


class AnswerStream(Protocol):
    """An answer while it is written. `usage` and `model` are complete at its end."""

    usage: Usage
    model: str

    def pieces(self) -> AsyncGenerator[str, None]:
        """Yield the pieces of the answer's text without reasoning. Iterate once, and close it.

        Raises:
            ModelUnavailable: no model began an answer, or one ended before its answer was whole.
        """
        ...


class LanguageModel(Protocol):
    """Whatever completes prompts: one endpoint, or tiers of them.

    Both raise `ModelUnavailable` (`llm/errors.py`) with a stable reason.
    """

    async def complete(self, request: Request) -> Completion:
        """Return the whole answer."""
        ...

    def stream(self, request: Request) -> AnswerStream:
        """Return the answer piece by piece. The call begins with the first piece that is asked for."""
        ...
