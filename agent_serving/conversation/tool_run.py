"""Runs the calls of a plan in parallel. A call that fails or takes too long becomes a result that says so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from agent_serving.conversation.part import Parts
from agent_serving.errors import ToolRefused
from agent_serving.tool.item import Item, Note, ToolResult
from agent_serving.tool.tool import ToolContext
from agent_serving.understanding.model import Intent
from installation.event_log import log_error

MOST_SECONDS = 5.0
"""Longest time of a call. Its thread goes on, but the turn does not wait for it."""


async def run_calls(
    parts: Parts, calls: Sequence[tuple[str, Mapping[str, Any]]], intent: Intent, context: ToolContext
) -> tuple[ToolResult, ...]:
    """Return the results in the order of the calls, without the same item twice. A refused call has none."""
    loop = asyncio.get_running_loop()
    jobs = [
        loop.run_in_executor(parts.executor, partial(_run, parts, tool, arguments, intent, context))
        for tool, arguments in calls
    ]
    if jobs:
        await asyncio.wait(jobs, timeout=MOST_SECONDS)
    seen: set[tuple[str, str]] = set()
    results = []
    for (tool, _), job in zip(calls, jobs, strict=True):
        result = job.result() if job.done() else ToolResult(tool, (), Note.UNAVAILABLE)
        if result is not None:
            items = [item for item in result.items if (item.kind, item.id) not in seen]
            seen.update((item.kind, item.id) for item in items)
            results.append(replace(result, items=tuple(items)))
    return tuple(results)


def _run(
    parts: Parts, tool: str, arguments: Mapping[str, Any], intent: Intent, context: ToolContext
) -> ToolResult | None:
    try:
        result = parts.tools.call(tool, arguments, intent, context)
    except ToolRefused:
        return None
    except Exception as error:  # noqa: BLE001 - a fault of one tool must not cost the shopper the answer
        log_error(error)
        return ToolResult(tool, (), Note.UNAVAILABLE)
    return replace(result, items=tuple(_cleaned(parts, item) for item in result.items))


def _cleaned(parts: Parts, item: Item) -> Item:
    """Return the item without instructions in its texts: they come from files and databases, and reach a model."""
    clean = parts.guardrail.clean_result
    facts = {name: clean(value) if isinstance(value, str) else value for name, value in item.facts.items()}
    return replace(item, title=clean(item.title), facts=facts)
