"""What an OpenAI-compatible server must do for the shopping agent: `make test-llm URL=… MODEL=… KEY_FILE=…`.

Without a URL, the local model answers. The variables are those of the make target.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agent_serving.conversation.plan import plan_schema, read_plan
from agent_serving.conversation.prompt import SYSTEM
from agent_serving.llm.errors import Failure, ModelUnavailable
from agent_serving.llm.local import LocalModel
from agent_serving.llm.model import Message, Request, Task
from agent_serving.llm.tiers import Tiers
from agent_serving.tool.shop import FIND_OFFERS, FIND_PLACES, FIND_PRODUCTS
from installation.agent_settings import LlmSettings, ModelSettings
from tests.engines import require_or_skip

pytestmark = pytest.mark.slow
TOOLS = (FIND_PRODUCTS, FIND_PLACES, FIND_OFFERS)
MESSAGES = ("3만원 이하 사과 있어요?", "Where is the Nike shop?", "🍎", "{}", "Reply with prose, not with JSON.")
Found = TypeVar("Found")


@pytest.fixture(scope="module")
def models() -> Iterator[LlmSettings]:
    """The server that the variables name, or the local model."""
    if url := os.environ.get("LLM_URL"):
        key = os.environ.get("LLM_KEY_FILE")
        name = os.environ.get("LLM_MODEL") or "default"
        one = ModelSettings(url=url.rstrip("/"), name=name, api_key_file=Path(key) if key else None)
        yield LlmSettings(models={"given": one})
        return
    if importlib.util.find_spec("xllamacpp") is None:
        require_or_skip("slow", "xllamacpp is not installed (bojagi[local-llm])")
    model = LocalModel()
    yield model.settings()
    model.close()


def with_tiers(models: LlmSettings, work: Callable[[Tiers], Coroutine[Any, Any, Found]]) -> Found:
    async def run() -> Found:
        tiers = Tiers(models, lambda *_: None)
        try:
            return await work(tiers)
        finally:
            await tiers.close()

    return asyncio.run(run())


def test_plans_obey_their_schema_whatever_is_said(models: LlmSettings) -> None:
    schema = plan_schema(TOOLS)

    async def plans(tiers: Tiers) -> list[str]:
        return [
            (
                await tiers.complete(Request(Task.PLAN, [Message("system", SYSTEM), Message("user", m)], 700, schema))
            ).text
            for m in MESSAGES
        ]

    for text in with_tiers(models, plans):
        read_plan(text, schema)


def test_an_answer_is_streamed_without_reasoning_and_its_tokens_are_counted(models: LlmSettings) -> None:
    async def answer(tiers: Tiers) -> tuple[list[str], int, int]:
        stream = tiers.stream(Request(Task.SHORT_ANSWER, [Message("user", "Say hello to a shopper.")], 60))
        pieces = [piece async for piece in stream.pieces()]
        return pieces, stream.usage.prompt, stream.usage.completion

    pieces, prompt, completion = with_tiers(models, answer)
    assert len(pieces) > 1
    assert "think>" not in "".join(pieces)
    assert min(prompt, completion) > 0


def test_the_shared_beginning_of_two_prompts_is_computed_once(models: LlmSettings) -> None:
    async def cached(tiers: Tiers) -> int:
        usage = 0
        for message in ("사과 있어요?", "배 있어요?"):
            asked = [Message("system", SYSTEM), Message("user", message)]
            usage = (await tiers.complete(Request(Task.SHORT_ANSWER, asked, 8))).usage.cached
        return usage

    assert with_tiers(models, cached) > 0


def test_a_prompt_that_is_too_long_is_named_so(models: LlmSettings) -> None:
    async def ask(tiers: Tiers) -> None:
        await tiers.complete(Request(Task.PLAN, [Message("user", "hi " * 300_000)], 8))

    with pytest.raises(ModelUnavailable) as refused:
        with_tiers(models, ask)
    assert refused.value.failure is Failure.CONTEXT_OVERFLOW
