"""One turn: understand, plan, call tools in parallel, answer sentence by sentence, and keep the turn.

    message -> guardrail -> understanding -> plan -> results -> checked sentences -> cards

A model may make the plan and write the answer. Rules do both where there is no model, where it fails, and where what it
wrote cannot be used. The results, and the facts that an answer may state, are the same in both cases.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from agent_serving.conversation.answer import RULES, Answer, Writer
from agent_serving.conversation.event import Event, card_of
from agent_serving.conversation.history import MOST_TURNS
from agent_serving.conversation.notice import Notice, notice
from agent_serving.conversation.part import Parts
from agent_serving.conversation.planning import Planner
from agent_serving.conversation.session import Session, Turn
from agent_serving.conversation.start import Start
from agent_serving.conversation.tool_run import run_calls
from agent_serving.tool.customer import PURPOSE
from agent_serving.tool.item import Note, ToolResult
from agent_serving.tool.tool import ToolContext
from agent_serving.understanding.dialogue import wants_cheapest
from agent_serving.understanding.model import Context, Language
from features.errors import FeatureError
from installation.event_log import log_error

SERVICE = "service_delivery"
"""Purpose of the conversation itself. It rests on the contract, and a restriction of the processing ends it."""
Found = TypeVar("Found")


class Conversation:
    """Answers the messages of sessions. One object an application; belongs to its event loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._planner, self._writer = Planner(parts), Writer(parts)

    async def events(self, session: Session, message: str, language: Language | None) -> AsyncGenerator[Event, None]:
        """Yield the events of one turn. The turn is kept before `done`, and also if the shopper leaves before."""
        begun = time.perf_counter()
        start = await self._in_thread(lambda: self._start(session, message, language))
        answer, is_kept = Answer(Language(start.context.language)), False
        try:
            async with aclosing(self._answered(start, answer)) as sentences:
                async for sentence in sentences:
                    if not answer.text:
                        self._parts.metrics.first.labels(answer.answered_by).observe(time.perf_counter() - begun)
                    answer.text = f"{answer.text} {sentence}".strip()
                    yield Event("text", {"text": sentence})
            if answer.cards:
                yield Event("cards", {"cards": [card_of(item) for item in answer.cards]})
            is_kept = True
            await self._in_thread(lambda: self._keep(session, start, answer))
        finally:
            if not is_kept:
                # The shopper has left; nothing may be awaited any more.
                self._parts.executor.submit(self._keep, session, start, answer)
        seconds, intent = time.perf_counter() - begun, start.understanding.intent.value
        self._parts.metrics.turns.labels(answer.answered_by, intent).inc()
        self._parts.metrics.seconds.labels(answer.answered_by).observe(seconds)
        yield Event("done", {"intent": intent, "language": start.context.language, **answer.summary()})

    def turns(self, session: Session, most: int) -> tuple[Turn, ...]:
        """Return the last turns; none while the customer restricts the processing, or is to be erased."""
        customer = session.customer_id
        is_used = customer is None or self._permits(customer, SERVICE)
        return tuple(self._parts.sessions.turns(session.id, most)) if is_used else ()

    async def _answered(self, start: Start, answer: Answer) -> AsyncGenerator[str, None]:
        """Yield the sentences of the answer, and note in `answer` how it came about."""
        concern = start.checked.concern
        if concern is not None:
            self._parts.metrics.concerns.labels(concern.value).inc()
            yield notice(concern, answer.language)
            return
        plan = await self._planner.plan(start, answer)
        results: tuple[ToolResult, ...] = ()
        if plan.clarification is None:
            calls = [(call.tool, call.arguments) for call in plan.calls]
            results = await run_calls(self._parts, calls, plan.intent, start.context)
            if not any(result.items for result in results):
                results += await self._by_rules(start, calls)
        answer.is_personal = any(self._is_personal(result) for result in results)
        async with aclosing(self._writer.sentences(start, plan, results, answer)) as sentences:
            async for sentence in sentences:
                yield sentence
        said = []
        if any(result.note is Note.NO_CONSENT for result in results):
            said.append(Notice.NO_CONSENT)
        if answer.answered_by == RULES:
            said.append(Notice.RULES)
        for what in said:
            if not _was_told(start, what):
                yield notice(what, answer.language)

    async def _by_rules(self, start: Start, tried: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[ToolResult, ...]:
        """Return the results of the rules' plan after a plan that found nothing: a model may search by wrong words."""
        plan = await self._in_thread(lambda: self._parts.rules.plan(start.understanding, start.context))
        calls = [(call.tool, call.arguments) for call in plan.calls]
        new = [call for call in calls if call not in tried]
        return await run_calls(self._parts, new, plan.intent, start.context) if new else ()

    def _start(self, session: Session, message: str, language: Language | None) -> Start:
        parts = self._parts
        checked = parts.guardrail.check_input(message)
        customer = session.customer_id
        turns = self.turns(session, MOST_TURNS)
        previous = turns[-1].understanding if turns else None
        understanding = parts.rules.understand(checked.text, Context(language, previous))
        context = ToolContext(
            session.customer_id, session.caller, session.branch, (language or understanding.language).value,
            parts.shop_time(), parts.services, understanding.constraints, wants_cheapest(understanding.text),
        )  # fmt: skip
        may_be_personal = customer is not None and self._permits(customer, PURPOSE)
        return Start(checked, understanding, context, turns, may_be_personal)

    def _permits(self, customer: str, purpose: str) -> bool:
        try:
            return self._parts.permits(customer, purpose)
        except FeatureError as error:
            # What cannot be asked counts as denied; the turn goes on without it.
            log_error(error)
            return False

    def _keep(self, session: Session, start: Start, answer: Answer) -> None:
        parts = self._parts
        turn = Turn(
            at=parts.clock(), message=start.checked.text, understanding=start.understanding,
            answer=parts.guardrail.mask(answer.text, answer.stated), cards=answer.cards, is_personal=answer.is_personal,
            answered_by=answer.answered_by, usage=answer.usage,
        )  # fmt: skip
        parts.sessions.append(session.id, turn)

    def _is_personal(self, result: ToolResult) -> bool:
        return bool(result.items) and result.note is None and self._parts.tools[result.tool].purpose == PURPOSE

    async def _in_thread(self, work: Callable[[], Found]) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._parts.executor, work)


def _was_told(start: Start, what: Notice) -> bool:
    """Return whether a former turn of the conversation said it, in any language."""
    return any(notice(what, language) in turn.answer for turn in start.turns for language in Language)
