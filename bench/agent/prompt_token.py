"""Measures the tokens of prompts against a naive agent that holds the same conversations on the same results.

The naive agent is what a first version usually is, and what the frameworks' tool loops send:
- its system prompt has the same instructions, and time, branch, language and the customer's profile;
- every call carries the schemas of all tools;
- the results of tools stay in the history as they are, as JSON with addresses and images, beside messages and answers.
Both ask the model twice a turn: for calls, and for the answer. Answers, results and order of messages are the same.
Tokens are counted by the tokenizer of the local model, for all 100 conversations.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from agent_serving.authentication.identity import Identity
from agent_serving.conversation import tool_run
from agent_serving.conversation.event import card_of
from agent_serving.conversation.prompt import SYSTEM
from agent_serving.llm.local import LocalModel
from agent_serving.tool.item import ToolResult
from agent_serving.tool.tool import ToolContext
from bench.agent.agent_shop import CALLER, agent_shop, models_at, opened
from bench.agent.hostile_server import HostileServer
from bench.claim import Claim

CONVERSATIONS = (
    ("3만원 이하 사과 있어요?", "배는요?", "둘 다 어디서 팔아요?", "할인 쿠폰 있어요?", "영업시간 알려 주세요"),
    ("나이키 매장 몇 층이에요?", "러닝화 추천해 주세요", "10만원 이하로요", "행사 중인가요?", "주차장은 어디예요?"),
    ("집들이 선물 5만원대로 추천해 주세요", "디퓨저도 보여 주세요", "어느 게 더 싸요?",
     "선물 포장 되나요?", "환불은 어떻게 해요?"),
    ("설화수 크림이랑 헤라 쿠션 비교해 주세요", "둘 다 재고 있어요?", "멤버십 할인 돼요?",
     "화장품 매장은 몇 층이에요?", "오늘 몇 시까지 해요?"),
    ("주말 캠핑 준비하려고요", "고기랑 채소도요", "땅콩 알레르기가 있어요", "텐트도 팔아요?", "전부 얼마쯤 해요?"),
)  # fmt: skip
_ANSWER = "네, 찾으시는 상품과 매장을 안내해 드립니다. 아래에서 확인해 주세요. <<'product':[0,1]>>"


@dataclass
class Prompts:
    """The prompts of both agents, as the messages of each call."""

    ours: list[list[str]] = field(default_factory=list)
    naive: list[list[str]] = field(default_factory=list)
    systems: set[str] = field(default_factory=set)


class _Naive:
    """The prompts that the naive agent would send in one conversation."""

    def __init__(self, tools: Sequence[dict[str, Any]], prompts: Prompts) -> None:
        self._tools, self._prompts, self._history = json.dumps(tools, ensure_ascii=False), prompts, list[str]()

    def turn(self, message: str, context: ToolContext, results: Sequence[ToolResult], answer: str) -> None:
        head = f"{SYSTEM}\nNow: {context.now.isoformat()}. Branch: {context.branch}. Language: {context.language}."
        first = [head, self._tools, *self._history, message]
        found = [
            json.dumps(
                {"tool": one.tool, "items": [card_of(item) for item in one.items], "note": one.note}, ensure_ascii=False
            )
            for one in results
        ]
        self._prompts.naive += [first, [*first, *found]]
        self._history += [message, *found, answer]


async def _collect(folder: Path, server: HostileServer, count: int) -> Prompts:
    prompts = Prompts()
    results: list[tuple[ToolContext, tuple[ToolResult, ...]]] = []
    run = tool_run.run_calls

    async def remembered(parts: Any, calls: Any, intent: Any, context: ToolContext) -> tuple[ToolResult, ...]:
        found = await run(parts, calls, intent, context)
        results.append((context, found))
        return found

    def choose(request: dict[str, Any]) -> bytes:
        messages = [message["content"] for message in request["messages"]]
        prompts.ours.append(messages)
        prompts.systems.add(messages[0])
        if "response_format" in request:
            # Not usable, so that the rules plan: the calls are those of the shop's words.
            return server.answer(request, "{}")
        return server.answer(request, _ANSWER)

    server.choose = choose
    from agent_serving.conversation import turn as turn_module

    turn_module.run_calls = remembered  # type: ignore[attr-defined]
    try:
        with agent_shop(folder, models_at(server.url)) as (installation, features):
            chat = opened(installation, features)
            for number in range(count):
                session, _ = chat.access.open(Identity(CALLER, "api_key:bench"), None, None)
                context = ToolContext(
                    None, CALLER, session.branch, "ko", installation.decision_moment(), chat.parts.services
                )
                naive = _Naive(
                    [
                        {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
                        for tool in chat.parts.tools.allowed(None, context)
                    ],
                    prompts,
                )
                script = CONVERSATIONS[number % len(CONVERSATIONS)]
                # The conversations differ in where they begin and how long they are: 2 to 5 turns.
                begin = number // len(CONVERSATIONS) % len(script)
                messages = (script[begin:] + script[:begin])[: 2 + number % 4]
                for message in messages:
                    results.clear()
                    asked = len(prompts.ours)
                    answer = "".join(
                        [
                            str(event.data.get("text", ""))
                            async for event in chat.conversation.events(session, message, None)
                        ]
                    )
                    if results and len(prompts.ours) - asked == 2:
                        naive.turn(message, results[0][0], results[0][1], answer)
                    else:
                        # A question back, which the rules ask: neither agent is charged for it.
                        del prompts.ours[asked:]
            await chat.close()
    finally:
        turn_module.run_calls = run  # type: ignore[attr-defined]
    return prompts


def _tokens(prompts: list[list[str]], model: LocalModel) -> int:
    with httpx.Client(base_url=model.url, headers={"Authorization": f"Bearer {model.key}"}, timeout=60) as client:
        counts: dict[str, int] = {}
        for text in {text for messages in prompts for text in messages}:
            counts[text] = len(client.post("/tokenize", json={"content": text}).json()["tokens"])
    return sum(counts[text] for messages in prompts for text in messages)


def claims(count: int = 100) -> list[Claim]:
    """Return the claims."""
    server, model = HostileServer(1), LocalModel(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            prompts = asyncio.run(_collect(Path(folder), server, count))
        ours, naive = _tokens(prompts.ours, model), _tokens(prompts.naive, model)
    finally:
        server.close()
        model.close()
    calls = len(prompts.ours)
    return [
        Claim(
            f"prompt tokens of {count} conversations ({calls} calls)",
            ours,
            "tokens",
            naive,
            "naive agent",
            0.5,
            on_ratio=True,
        ),
        Claim("different system prompts", len(prompts.systems), "prompts", bar=1),
    ]
