"""The registry of tools: it offers, checks and runs a tool only within its intents, branches, roles and purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import jsonschema
import orjson

from agent_serving.errors import ToolRefused
from agent_serving.guardrail.instruction import without_instructions
from agent_serving.tool.item import Note, ToolResult
from agent_serving.tool.tool import Tool, ToolContext
from features.errors import FeatureError
from installation.errors import InstallationError
from privacy.access.role import Roles, built_in_roles
from privacy.errors import PrivacyError

MOST_SCHEMA_BYTES = 1500
"""Most bytes of the tool schemas of one turn. They are part of every plan's prompt."""

MOST_ARGUMENT_BYTES = 500
"""Most bytes of a call's arguments. A limit in each schema would make every prompt longer."""


class ToolRegistry:
    """The tools by name, behind their gates."""

    def __init__(self, tools: Iterable[Tool], roles: Roles | None = None) -> None:
        """Register tools; `roles` are those of the installation."""
        self._roles = roles or built_in_roles()
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """Register one more tool.

        Raises:
            ValueError: the name is taken, or the parameters are no JSON schema.
        """
        if tool.name in self._tools:
            raise ValueError(f"There are two tools {tool.name!r}; give one of them another name.")
        try:
            jsonschema.Draft202012Validator.check_schema(tool.parameters)
        except jsonschema.SchemaError as error:
            raise ValueError(f"Tool {tool.name!r}: its parameters are no JSON schema: {error.message}") from error
        self._tools[tool.name] = tool

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    def allowed(self, intent: str | None, context: ToolContext) -> tuple[Tool, ...]:
        """Return the tools that may be called for an intent in this context; None stands for every intent."""
        return tuple(tool for tool in self._tools.values() if self._refusal(tool, intent, context) is None)

    def schemas(self, intent: str | None, context: ToolContext) -> list[dict[str, Any]]:
        """Return name, description and parameters of the allowed tools; at most `MOST_SCHEMA_BYTES` as JSON.

        Raises:
            ToolRefused: they would be larger; shorten descriptions, or bind tools to fewer intents.
        """
        found = [
            {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
            for tool in self.allowed(intent, context)
        ]
        if (size := len(orjson.dumps(found))) > MOST_SCHEMA_BYTES:
            raise ToolRefused(
                f"The schemas of {len(found)} tools take {size} bytes; expected at most {MOST_SCHEMA_BYTES}. Shorten "
                "their descriptions, or bind them to fewer intents."
            )
        return found

    def call(self, name: str, arguments: Mapping[str, Any], intent: str | None, context: ToolContext) -> ToolResult:
        """Run a tool and return its result, without instructions that its texts give to a model.

        A part that fails gives a result with the note `unavailable`.

        Raises:
            ToolRefused: no such tool in this context, or the arguments do not fit its parameters.
        """
        tool = self._tools.get(name)
        if tool is None or (reason := self._refusal(tool, intent, context)) is not None:
            # The same answer for an unknown tool, so that a plan cannot find out which others exist.
            known = ", ".join(one.name for one in self.allowed(intent, context)) or "none"
            why = "" if tool is None else f" It may not be called: {reason}."
            raise ToolRefused(f"There is no such tool here.{why} Expected one of: {known}.")
        fault = next(iter(jsonschema.Draft202012Validator(tool.parameters).iter_errors(dict(arguments))), None)
        if fault is not None:
            place = "/".join(map(str, fault.absolute_path)) or "the arguments"
            raise ToolRefused(f"Tool {name}: {place} does not fit its schema ({fault.validator}).")
        if (size := len(orjson.dumps(dict(arguments)))) > MOST_ARGUMENT_BYTES:
            raise ToolRefused(f"Tool {name}: got arguments of {size} bytes; expected at most {MOST_ARGUMENT_BYTES}.")
        try:
            return _cleaned(tool.run(arguments, context))
        except (FeatureError, PrivacyError, InstallationError):
            return ToolResult(name, (), Note.UNAVAILABLE)

    def _refusal(self, tool: Tool, intent: str | None, context: ToolContext) -> str | None:
        """Return why the tool may not be called; None if it may."""
        caller = context.caller
        if intent is not None and intent not in tool.intents:
            return f"it does not serve the intent {intent}"
        if tool.branches is not None and context.branch not in tool.branches:
            return "this branch does not have it"
        if caller.role not in tool.roles:
            return f"the role {caller.role} may not call it"
        if tool.purpose is not None:
            bound = caller.purposes
            if tool.purpose not in self._roles[caller.role].purposes or (
                bound is not None and tool.purpose not in bound
            ):
                return f"the caller does not have its purpose {tool.purpose}"
        return None


def _cleaned(result: ToolResult) -> ToolResult:
    """Return a result whose titles and facts tell a model nothing to do. Most results are returned as they are."""
    items = tuple(
        replace(
            item, title=without_instructions(item.title),
            facts={k: without_instructions(v) if isinstance(v, str) else v for k, v in item.facts.items()},
        )
        for item in result.items
    )  # fmt: skip
    return replace(result, items=items)
