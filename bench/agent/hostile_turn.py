"""Measures turns against a hostile model server: each ends with an answer, and only valid calls are run."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import jsonschema

from agent_serving.authentication.identity import Identity
from agent_serving.conversation.opening import Chat
from agent_serving.conversation.turn import Conversation
from agent_serving.llm import circuit
from agent_serving.tool.item import ToolResult
from agent_serving.tool.registry import ToolRegistry
from agent_serving.tool.tool import Tool, ToolContext
from bench.agent.agent_shop import CALLER, agent_shop, models_at, opened
from bench.agent.hostile_server import HostileServer
from bench.claim import Claim

MESSAGES = (
    "3만원 이하 사과 있어요?", "나이키 매장 몇 층이에요?", "설화수랑 헤라 쿠션 비교해 줘",
    "집들이 선물 5만원대로 추천해 주세요",
    "주차장 어디예요?", "오늘 몇 시까지 해요?", "땅콩 알레르기 있는데 과자 추천해줘",
    "Do you have apples under 30,000 won?",
    "りんごはありますか", "有苹果吗？", "🍎", "할인 쿠폰 있어?", "환불하고 싶어요", "그거 말고 다른 거",
)  # fmt: skip
AT_ONCE = 8


@dataclass
class Seen:
    """What was seen over all turns. `run` are calls that were run, `invalid` those of them that break the schema."""

    turns: int = 0
    answered: int = 0
    by: Counter[str] = field(default_factory=Counter)
    run: int = 0
    invalid: int = 0


class WatchedTools:
    """A registry that checks, beside its own gates and by itself, every call that was run."""

    def __init__(self, tools: ToolRegistry, seen: Seen) -> None:
        self._tools, self._seen = tools, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tools, name)

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    def call(self, name: str, arguments: Mapping[str, Any], intent: str | None, context: ToolContext) -> ToolResult:
        """Run a tool, see `ToolRegistry.call`."""
        result = self._tools.call(name, arguments, intent, context)
        self._seen.run += 1
        validator = jsonschema.Draft202012Validator(self._tools[name].parameters)
        self._seen.invalid += not validator.is_valid(dict(arguments))
        return result


async def converse(chat: Chat, turns: int, seen: Seen, at_once: int = AT_ONCE) -> None:
    """Hold conversations of five turns, several at once, and count how the turns end."""
    numbers = iter(range(turns))
    tools = cast("ToolRegistry", WatchedTools(chat.parts.tools, seen))
    conversation = Conversation(replace(chat.parts, tools=tools))

    async def one() -> None:
        session = None
        for number in numbers:
            if session is None or number % 5 == 0:
                session, _ = chat.access.open(Identity(CALLER, "api_key:bench"), None, "main")
            names, text = [], ""
            async for event in conversation.events(session, MESSAGES[number % len(MESSAGES)], None):
                names.append(event.name)
                text += str(event.data.get("text", ""))
            seen.turns += 1
            seen.answered += names[-1] == "done" and bool(text.strip())
            seen.by[str(event.data["answered_by"])] += 1

    await asyncio.gather(*(one() for _ in range(at_once)))


async def _measure(url: str, turns: int, folder: Path, seen: Seen) -> None:
    with agent_shop(folder, models_at(url, idle_seconds=0.5, most_seconds=5)) as (installation, features):
        chat = opened(installation, features)
        try:
            await converse(chat, turns, seen)
        finally:
            await chat.close()


def measure(turns: int, seed: int = 20) -> tuple[Seen, Counter[str]]:
    """Return what was seen over so many turns, and what the server sent."""
    seen, server = Seen(), HostileServer(seed, slow_share=0.02)
    # Otherwise the breaker would keep most turns away from the server.
    limit, circuit.FAILURES_UNTIL_OPEN = circuit.FAILURES_UNTIL_OPEN, 10**9
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_measure(server.url, turns, Path(folder), seen))
    finally:
        circuit.FAILURES_UNTIL_OPEN = limit
        server.close()
    return seen, server.sent


def claims(turns: int) -> list[Claim]:
    """Return the claims."""
    seen, sent = measure(turns)
    print(f"hostile server: {len(sent)} ways of answers, answered by {dict(seen.by)}, {seen.run} calls run")
    return [
        Claim(f"hostile server: turns of {seen.turns} without an answer", seen.turns - seen.answered, "turns", bar=0),
        Claim(f"hostile server: calls of {seen.run} that break their schema", seen.invalid, "calls", bar=0),
    ]
