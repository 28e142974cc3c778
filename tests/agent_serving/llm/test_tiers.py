"""Models over real connections, with a server that breaks the protocol in every way it knows."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from agent_serving.llm.errors import Failure, ModelUnavailable
from agent_serving.llm.model import Message, Request, Task, Usage
from agent_serving.llm.tiers import Tiers
from bench.agent.hostile_server import HostileServer
from installation.agent_settings import LlmSettings, ModelSettings

SAYS = [Message("user", "사과 있어요?")]


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    one = HostileServer(1)
    yield one
    one.close()


def settings(*urls: str, **changes: Any) -> LlmSettings:
    common = {
        "name": "any",
        "idle_seconds": 0.5,
        "most_seconds": 2,
        "price_prompt": 10,
        "price_completion": 20,
        **changes,
    }
    return LlmSettings(models={f"m{n}": ModelSettings(url=url, **common) for n, url in enumerate(urls)})


async def asked(models: LlmSettings, task: Task = Task.SHORT_ANSWER) -> tuple[list[str], str, Usage, list[str]]:
    """Return the pieces of an answer, its model or failure, its tokens, and the outcomes of the calls."""
    outcomes: list[str] = []
    tiers = Tiers(models, lambda _task, model, outcome, _usage: outcomes.append(f"{model} {outcome}"))
    stream = tiers.stream(Request(task, SAYS, 100))
    pieces: list[str] = []
    try:
        async for piece in stream.pieces():
            pieces.append(piece)  # noqa: PERF401 - what came before a failure is kept
        end = stream.model
    except ModelUnavailable as error:
        end = error.failure
    finally:
        await tiers.close()
    return pieces, end, stream.usage, outcomes


@pytest.mark.parametrize(
    ("transport", "end"),
    [
        ("whole", "m0"), ("not streamed", "m0"), ("line ends of Windows", "m0"), ("comments", "m0"),
        ("cut", Failure.CUT), ("ends early", Failure.CUT), ("nothing", Failure.CUT), ("wrong length", Failure.CUT),
        ("no HTTP", Failure.CUT), ("no JSON", Failure.BROKEN), ("list of content", Failure.BROKEN),
        ("number as content", Failure.BROKEN), ("text as choices", Failure.BROKEN),
        ("choices of numbers", Failure.BROKEN),
        ("error event", Failure.BROKEN), ("endless line", Failure.BROKEN), ("not gzip", Failure.BROKEN),
        ("invalid UTF-8", Failure.BROKEN), ("null as content", Failure.EMPTY), ("strange usage", Failure.CUT),
        ("endless text", Failure.ENDLESS), ("redirect", Failure.REFUSED), ("overflow", Failure.CONTEXT_OVERFLOW),
        ("bad request", Failure.REFUSED), ("no key", Failure.REFUSED), ("not found", Failure.REFUSED),
        ("busy", Failure.BUSY), ("broken", Failure.FAILED), ("restarts", Failure.BUSY),
    ],
)  # fmt: skip
def test_each_answer_of_a_server_has_its_outcome(server: HostileServer, transport: str, end: str) -> None:
    server.choose = lambda request: server.answer(request, "네, 있습니다.", transport)
    pieces, found, _, _ = asyncio.run(asked(settings(server.url)))
    assert found == end
    if end == "m0":
        assert "".join(pieces) == "네, 있습니다."


def test_tokens_and_their_price_are_counted(server: HostileServer) -> None:
    server.choose = lambda request: server.answer(request, "네.")
    usage = asyncio.run(asked(settings(server.url)))[2]
    assert usage == Usage(100, 20, 0, (100 * 10 + 20 * 20) / 1_000_000)


def test_the_next_model_follows_while_nothing_was_written_and_not_afterwards(server: HostileServer) -> None:
    dead = "http://127.0.0.1:9/v1"
    server.choose = lambda request: server.answer(request, "네.")
    pieces, model, _, outcomes = asyncio.run(asked(settings(dead, server.url)))
    assert ("".join(pieces), model, outcomes) == ("네.", "m1", ["m0 not_reachable", "m1 answered"])
    server.choose = lambda request: server.answer(request, "사과를 찾고 있습니다. 잠시만요.", "cut")
    pieces, end, _, outcomes = asyncio.run(asked(settings(server.url, dead)))
    assert pieces
    assert (end, outcomes) == (Failure.CUT, ["m0 cut"])


def test_a_task_asks_only_the_models_of_its_tier(server: HostileServer) -> None:
    server.choose = lambda request: server.answer(request, "네.")
    models = settings(server.url, server.url).model_copy(update={"tiers": {"hard": ("m1",), "plan": ()}})
    assert asyncio.run(asked(models, Task.HARD))[1] == "m1"
    assert asyncio.run(asked(models, Task.PLAN))[1] == Failure.NO_MODEL


def test_a_silent_server_is_left_after_the_limit(server: HostileServer) -> None:
    silent = HostileServer(1, slow_share=1.0)
    try:
        assert asyncio.run(asked(settings(silent.url)))[1] == Failure.SLOW
    finally:
        silent.close()


def test_a_transient_failure_is_tried_once_more(server: HostileServer) -> None:
    answers = iter(["restarts", "whole"])
    server.choose = lambda request: server.answer(request, "네.", next(answers))
    assert asyncio.run(asked(settings(server.url)))[1] == "m0"


def test_a_model_that_keeps_failing_is_not_asked_for_a_while(server: HostileServer) -> None:
    requests: list[Any] = []

    def choose(request: dict[str, Any]) -> bytes:
        requests.append(request)
        return server.answer(request, "네.", "broken")

    async def five() -> list[str]:
        server.choose = choose
        tiers, ends = Tiers(settings(server.url), lambda *_: None), []
        for _ in range(5):
            try:
                await tiers.complete(Request(Task.PLAN, SAYS, 10))
            except ModelUnavailable as error:
                ends.append(error.failure.value)
        await tiers.close()
        return ends

    assert asyncio.run(five())[-2:] == [Failure.CIRCUIT_OPEN] * 2
    assert len(requests) == 3


def test_reasoning_without_an_opening_tag_is_removed(server: HostileServer) -> None:
    server.choose = lambda request: server.answer(request, "생각 중</think>네.")
    assert "".join(asyncio.run(asked(settings(server.url, is_reasoning=True)))[0]) == "네."
    server.choose = lambda request: server.answer(request, "생각만 합니다")
    assert asyncio.run(asked(settings(server.url, is_reasoning=True)))[1] == Failure.EMPTY
