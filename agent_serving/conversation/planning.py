"""Makes the plan of a turn: by a model, and by rules where a model does not help."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agent_serving.conversation.answer import Answer
from agent_serving.conversation.history import compact
from agent_serving.conversation.part import Parts
from agent_serving.conversation.plan import Plan, PlanInvalid, plan_schema, read_plan
from agent_serving.conversation.prompt import plan_messages
from agent_serving.conversation.start import Start
from agent_serving.errors import ToolRefused
from agent_serving.llm.errors import Failure, ModelUnavailable
from agent_serving.llm.model import Request, Task
from agent_serving.tool.tool import Tool
from agent_serving.understanding.model import COURTESY

MOST_TOKENS = 700
"""Of a plan: three calls with their arguments, also with a tokenizer that needs a token for each byte of Korean."""
_ENDS_OF_QUESTION = ("?", "？", "요", "요.", "か", "か。", "吗", "呢", "ください。")
SURE = 0.5
"""Confidence of the rules' intent from which only the tools of that intent are offered to a model."""


class Planner:
    """Plans the turns of an application's conversations."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def plan(self, start: Start, answer: Answer) -> Plan:
        """Return the plan. Whatever a model writes, it is a valid plan of tools that may be called."""
        parts = self._parts
        loop = asyncio.get_running_loop()
        by_rules = await loop.run_in_executor(
            parts.executor, lambda: parts.rules.plan(start.understanding, start.context)
        )
        # A message without a letter or digit, such as an emoji, gives a model nothing to plan by, nor does a greeting.
        is_polite = bool(COURTESY.intersection(start.understanding.topics))
        if parts.models.is_empty or is_polite or not any(map(str.isalnum, start.checked.text)):
            parts.metrics.plans.labels("rules").inc()
            return by_rules
        try:
            plan = await self._by_model(start, answer)
        except (ModelUnavailable, PlanInvalid, ToolRefused) as error:
            parts.metrics.plans.labels(f"rules_after_{_reason(error)}").inc()
            return by_rules
        parts.metrics.plans.labels("model").inc()
        # A plan without calls would leave the answer without facts, and what is no question asks nothing.
        asks = plan.clarification is not None and plan.clarification.rstrip().endswith(_ENDS_OF_QUESTION)
        if asks or (plan.calls and plan.clarification is None):
            return plan
        return replace(by_rules, intent=plan.intent)

    async def _by_model(self, start: Start, answer: Answer) -> Plan:
        tools, shown = self._offered(start)
        schema = plan_schema(tools)
        # The model's context is found out by trying: an estimate may be wrong, and the settings, too.
        for turns in (start.turns, ()):
            history = compact(
                turns, self._parts.models.context_tokens(Task.PLAN), may_be_personal=start.may_be_personal
            )
            messages = plan_messages(history, start.checked.text, start.context, shown)
            try:
                found = await self._parts.models.complete(Request(Task.PLAN, messages, MOST_TOKENS, schema))
            except ModelUnavailable as error:
                if error.failure is Failure.CONTEXT_OVERFLOW and history:
                    continue
                raise
            answer.usage += found.usage
            return read_plan(found.text, schema)
        raise AssertionError("unreachable: the second attempt has no history")

    def _offered(self, start: Start) -> tuple[Sequence[Tool], list[dict[str, Any]]]:
        """Return the tools that a model may call, and their schemas for the prompt."""
        tools, sure = self._parts.tools, start.understanding.confidence >= SURE
        intent = start.understanding.intent
        try:
            return tools.allowed(intent if sure else None, start.context), tools.schemas(
                intent if sure else None, start.context
            )
        except ToolRefused:
            # The tools of all intents together are too many for one prompt.
            return tools.allowed(intent, start.context), tools.schemas(intent, start.context)


def _reason(error: ModelUnavailable | PlanInvalid | ToolRefused) -> str:
    if isinstance(error, ToolRefused):
        return "tools_too_large"
    return error.reason if isinstance(error, PlanInvalid) else error.failure.value
