"""Writes the answer of a turn from its results: by a model, sentence by checked sentence, or by templates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from agent_serving.conversation.history import compact
from agent_serving.conversation.notice import Notice, notice
from agent_serving.conversation.part import Parts
from agent_serving.conversation.plan import Plan
from agent_serving.conversation.prompt import answer_messages
from agent_serving.conversation.start import Start
from agent_serving.grounding.stream import GroundedStream
from agent_serving.llm.errors import Failure, ModelUnavailable
from agent_serving.llm.model import Request, Task, Usage
from agent_serving.tool.item import Item, ToolResult
from agent_serving.understanding.model import Intent, Language, Understanding

RULES = "rules"
"""Writer of an answer that no model wrote."""
MOST_TOKENS = 400
"""Of an answer: four short sentences and the marker."""


@dataclass
class Answer:
    """What has been written so far, and how. Filled while the turn runs."""

    language: Language
    text: str = field(default="", repr=False)
    cards: tuple[Item, ...] = field(default=(), repr=False)
    stated: tuple[str, ...] = field(default=(), repr=False)
    is_personal: bool = False
    is_question: bool = False
    answered_by: str = RULES
    usage: Usage = field(default_factory=Usage)

    def summary(self) -> dict[str, Any]:
        """Return what the last event tells about the answer."""
        return {
            "answered_by": self.answered_by, "is_personal": self.is_personal, "is_question": self.is_question,
            "tokens": {"prompt": self.usage.prompt, "cached": self.usage.cached, "completion": self.usage.completion},
        }  # fmt: skip


class Writer:
    """Writes the answers of an application's conversations."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def sentences(
        self, start: Start, plan: Plan, results: Sequence[ToolResult], answer: Answer
    ) -> AsyncGenerator[str, None]:
        """Yield the checked sentences of the answer; its cards are in `answer` afterwards."""
        items = tuple(item for result in results for item in result.items)
        answer.stated = tuple(str(value) for item in items for value in (item.title, *item.facts.values()))
        is_whole = False
        if plan.clarification is not None:
            answer.is_question = True
            for sentence in self._checked(start, (), plan.clarification, answer):
                is_whole = True
                yield sentence
        elif not self._parts.models.is_empty:
            begun = False
            try:
                async with aclosing(self._by_model(start, results, items, answer)) as sentences:
                    async for sentence in sentences:
                        begun = True
                        yield sentence
                is_whole = begun
            except ModelUnavailable:
                if begun:
                    yield notice(Notice.CUT, answer.language)
        if not is_whole:
            answer.answered_by = RULES
            for sentence in await self._by_rules(start, results, items, answer):
                is_whole = True
                yield sentence
        if not is_whole:
            yield notice(Notice.HELP_DESK, answer.language)

    async def _by_model(
        self, start: Start, results: Sequence[ToolResult], items: Sequence[Item], answer: Answer
    ) -> AsyncGenerator[str, None]:
        task, begun = task_of(start.understanding), False
        for turns in (start.turns, ()):
            history = compact(turns, self._parts.models.context_tokens(task), may_be_personal=start.may_be_personal)
            messages = answer_messages(history, start.checked.text, start.context, results)
            stream = self._parts.models.stream(Request(task, messages, MOST_TOKENS))
            checked = self._stream(start, items, answer)
            try:
                async with aclosing(stream.pieces()) as pieces:
                    async for piece in pieces:
                        answer.answered_by = stream.model
                        for sentence in checked.feed(piece):
                            begun = True
                            yield self._masked(sentence, answer)
                for sentence in self._finished(checked, answer):
                    begun = True
                    yield sentence
            except ModelUnavailable as error:
                if error.failure is Failure.CONTEXT_OVERFLOW and history and not begun:
                    continue
                raise
            finally:
                answer.usage += stream.usage
            return

    async def _by_rules(
        self, start: Start, results: Sequence[ToolResult], items: Sequence[Item], answer: Answer
    ) -> list[str]:
        def write() -> list[str]:
            written = self._parts.rules.answer(start.understanding, results, start.context)
            return self._checked(start, items, written, answer)

        return await asyncio.get_running_loop().run_in_executor(self._parts.executor, write)

    def _checked(self, start: Start, items: Sequence[Item], text: str, answer: Answer) -> list[str]:
        """Return the sentences of a whole text that the items support."""
        stream = self._stream(start, items, answer)
        sentences = [self._masked(sentence, answer) for sentence in stream.feed(text)]
        return [*sentences, *self._finished(stream, answer)]

    def _stream(self, start: Start, items: Sequence[Item], answer: Answer) -> GroundedStream:
        names = self._parts.names.of_branch(start.context.branch)
        return GroundedStream(
            items, answer.language.value, start.checked.text, names=names.own, has_other_name=names.other
        )

    def _finished(self, stream: GroundedStream, answer: Answer) -> list[str]:
        """Return the last sentences, and note the cited cards."""
        found = stream.finish()
        answer.cards = found.cards
        self._parts.metrics.refused.inc(len(found.refused))
        return [self._masked(sentence, answer) for sentence in found.rest]

    def _masked(self, sentence: str, answer: Answer) -> str:
        return self._parts.guardrail.mask(sentence, answer.stated)


def task_of(understanding: Understanding) -> Task:
    """Return how hard an answer is: a plan, or many wishes under constraints, is the hardest."""
    if understanding.intent is Intent.PLAN or (understanding.constraints and len(understanding.items) > 1):
        return Task.HARD
    if understanding.intent is Intent.COMPARE or len(understanding.items) > 1:
        return Task.ANALYSIS
    return Task.SHORT_ANSWER
