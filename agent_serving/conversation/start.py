"""What is known of a turn before anything is planned."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent_serving.conversation.session import Turn
from agent_serving.guardrail.guardrail import Checked
from agent_serving.tool.tool import ToolContext
from agent_serving.understanding.model import Understanding


@dataclass(frozen=True)
class Start:
    """The beginning of a turn.

    Attributes:
        checked: the message, masked, and the concern that it raises.
        understanding: what it says.
        context: for whom and where tools are called.
        turns: the former turns, the oldest first.
        may_be_personal: whether the customer permits personalisation now.
    """

    checked: Checked
    understanding: Understanding
    context: ToolContext
    turns: tuple[Turn, ...] = field(repr=False)
    may_be_personal: bool
