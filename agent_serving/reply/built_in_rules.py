"""The rules that come with Bojagi, as `Rules`. Their language data is loaded at the first message."""

from __future__ import annotations

from collections.abc import Sequence

from agent_serving.conversation.plan import Plan
from agent_serving.reply.planner import plan
from agent_serving.reply.template import write_answer
from agent_serving.tool.item import ToolResult
from agent_serving.tool.registry import ToolRegistry
from agent_serving.tool.tool import ToolContext
from agent_serving.understanding.model import Context, Understanding
from agent_serving.understanding.parser import understand


class BuiltInRules:
    """Understands, plans and answers by rules, see `Rules`."""

    def __init__(self, tools: ToolRegistry) -> None:
        self._tools = tools

    def understand(self, text: str, context: Context) -> Understanding:
        """Return what a message says."""
        return understand(text, context)

    def plan(self, understanding: Understanding, context: ToolContext) -> Plan:
        """Return the plan of a turn."""
        return plan(understanding, self._tools, context)

    def answer(self, understanding: Understanding, results: Sequence[ToolResult], context: ToolContext) -> str:
        """Return an answer with its marker."""
        return write_answer(understanding, results, context.language)
