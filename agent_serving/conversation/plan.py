"""The plan of a turn: the intent, and the tools to call with their arguments. Made by rules or by a model.

A model's plan is constrained by `plan_schema`. `read_plan` checks it again, because a server may ignore the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from jsonschema import Draft202012Validator

from agent_serving.errors import ServingError
from agent_serving.understanding.model import Intent

MOST_CALLS = 4
"""Calls of one plan. More items than this are searched for in one call each, the most important first."""
MOST_CALLS_OF_MODEL = 3
"""Calls of a model's plan, which must end within its tokens."""
MOST_CLARIFICATION = 120
"""Characters of a question back to the shopper."""
MOST_PLAN_CHARACTERS = 8000
"""A longer text is no plan: the longest valid one of the built-in tools is a quarter of this."""


_BOUNDS: Mapping[str, Mapping[str, int]] = {
    "string": {"maxLength": 40}, "array": {"maxItems": 2}, "integer": {"minimum": 0, "maximum": 10**9},
}  # fmt: skip
"""Of an argument: search words, a list of allergens, a price in won."""
_MOST_DIGITS = 15
"""Of an integer: prices have fewer, and a search index takes no more than 64 bits."""


class CallableTool(Protocol):
    """What a plan needs to know about a tool. `parameters` is the JSON schema of an object."""

    @property
    def name(self) -> str:
        """Name by which a plan calls it."""

    @property
    def description(self) -> str:
        """What it returns, for a model."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """JSON schema of its arguments."""


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool. The arguments obey the tool's schema."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """What a turn does. With a clarification no tool is called: the shopper is asked first."""

    intent: Intent
    calls: tuple[ToolCall, ...] = ()
    clarification: str | None = None


class PlanInvalid(ServingError):
    """A text of a model is not a plan. `reason` is a stable word: too_long, not_json, not_schema."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The model's plan cannot be used: {reason}.")
        self.reason = reason


def plan_schema(tools: Iterable[CallableTool]) -> dict[str, Any]:
    """Return the JSON schema of a plan that calls only these tools, with the arguments that each takes.

    Arguments are bounded, so that a constrained model cannot write on until its tokens end.
    """
    calls = [
        {
            "type": "object", "additionalProperties": False, "required": ["tool", "arguments"],
            "properties": {"tool": {"const": tool.name}, "arguments": _bounded(tool.parameters)},
        }
        for tool in tools
    ]  # fmt: skip
    most = MOST_CALLS_OF_MODEL if calls else 0
    return {
        "type": "object", "additionalProperties": False, "required": ["intent", "calls", "clarification"],
        "properties": {
            "intent": {"enum": [intent.value for intent in Intent]},
            "calls": {"type": "array", "maxItems": most, "items": {"anyOf": calls or [{}]}},
            "clarification": {"anyOf": [{"type": "string", "maxLength": MOST_CLARIFICATION}, {"type": "null"}]},
        },
    }  # fmt: skip


def read_plan(text: str, schema: Mapping[str, Any]) -> Plan:
    """Return the plan that a model wrote, without its reasoning.

    Raises:
        PlanInvalid: the text is not JSON, or does not obey the schema of `plan_schema`.
    """
    if len(text) > MOST_PLAN_CHARACTERS:
        raise PlanInvalid("too_long")
    try:
        # A server that does not enforce the schema lets a model write a sentence or a code fence around the object.
        found = json.loads(
            text[max(text.find("{"), 0) : text.rfind("}") + 1], parse_int=_integer, parse_constant=_refuse
        )
        # Half of a surrogate pair is valid JSON, and no text that a tool could search for.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise PlanInvalid("not_json") from error
    if not _validator(json.dumps(schema)).is_valid(found):
        raise PlanInvalid("not_schema")
    calls = tuple(ToolCall(call["tool"], call["arguments"]) for call in found["calls"])
    clarification = (found["clarification"] or "").strip() or None
    return Plan(Intent(found["intent"]), () if clarification else calls, clarification)


def _bounded(schema: Any) -> Any:
    """Return a schema whose texts, lists and integers have bounds, where it states none."""
    if not isinstance(schema, Mapping):
        return [_bounded(one) for one in schema] if isinstance(schema, list) else schema
    kind = schema.get("type")
    bounds = _BOUNDS.get(kind, {}) if isinstance(kind, str) and "enum" not in schema else {}
    return {**bounds, **{name: _bounded(value) for name, value in schema.items()}}


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("too large")
    return int(digits)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


@lru_cache(maxsize=64)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))
