"""Measures turns on a real model: llama.cpp's server in this process, which enforces the schema of a plan."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from agent_serving.conversation import answer
from agent_serving.llm.local import LocalModel
from bench.agent.agent_shop import agent_shop, opened
from bench.agent.hostile_turn import Seen, converse
from bench.claim import Claim


async def _measure(turns: int, folder: Path, model: LocalModel) -> tuple[Seen, dict[str, float]]:
    seen = Seen()
    with agent_shop(folder, model.settings()) as (installation, features):
        chat = opened(installation, features)
        await converse(chat, turns, seen, at_once=1)
        plans = {
            sample.labels["source"]: sample.value
            for metric in chat.parts.metrics.plans.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        }
        await chat.close()
    return seen, plans


def claims(turns: int, threads: int = 1) -> list[Claim]:
    """Return the claims. A message without a letter is planned by rules, so it is not counted."""
    begun = time.perf_counter()
    # What this small model answers is not measured, only that the turn ends with a checked answer.
    answer.MOST_TOKENS = 40
    model = LocalModel(threads)
    with tempfile.TemporaryDirectory() as folder:
        seen, plans = asyncio.run(_measure(turns, Path(folder), model))
    model.close()
    asked = sum(count for source, count in plans.items() if source != "rules")
    print(f"real model: plans {plans}, answered by {dict(seen.by)}, {time.perf_counter() - begun:.0f} s")
    return [
        Claim(f"real model: plans of {asked:.0f} that break the schema", asked - plans.get("model", 0), "plans", bar=0),
        Claim(f"real model: calls of {seen.run} that break their schema", seen.invalid, "calls", bar=0),
        Claim(f"real model: turns of {seen.turns} without an answer", seen.turns - seen.answered, "turns", bar=0),
    ]
