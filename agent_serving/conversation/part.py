"""The parts that a conversation joins: rules of language, tools, guardrails, models and sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agent_serving.conversation.metric import ChatMetrics
from agent_serving.conversation.plan import Plan
from agent_serving.conversation.session_store import SessionStore
from agent_serving.grounding.other_name import NameBook
from agent_serving.guardrail.guardrail import Guardrail
from agent_serving.llm.tiers import Tiers
from agent_serving.tool.item import ToolResult
from agent_serving.tool.registry import ToolRegistry
from agent_serving.tool.tool import ToolContext, ToolServices
from agent_serving.understanding.model import Context, Understanding


class Rules(Protocol):
    """Understands, plans and answers without a model."""

    def understand(self, text: str, context: Context) -> Understanding:
        """Return what a message says."""

    def plan(self, understanding: Understanding, context: ToolContext) -> Plan:
        """Return the plan of a turn, with a question to the shopper if a detail that matters is missing."""

    def answer(self, understanding: Understanding, results: Sequence[ToolResult], context: ToolContext) -> str:
        """Return an answer from results, with the marker at its end."""


@dataclass(frozen=True)
class Parts:
    """What one application's conversations use.

    Attributes:
        permits: returns whether a customer permits a purpose now.
        clock: returns the time in UTC.
        shop_time: returns the shop's local wall time.
        executor: threads for rules, tools and sessions.
        names: the names of each branch, by which answers are checked.
    """

    rules: Rules
    tools: ToolRegistry
    services: ToolServices
    guardrail: Guardrail
    models: Tiers
    sessions: SessionStore
    metrics: ChatMetrics
    permits: Callable[[str, str], bool]
    clock: Callable[[], datetime]
    shop_time: Callable[[], datetime]
    executor: Executor
    names: NameBook
