"""Measures conversations: broken and real model servers, tokens of prompts, many at once, the time of a sentence."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from agent_serving.authentication.identity import Identity
from bench.agent import hostile_turn, prompt_token, real_model
from bench.agent.agent_shop import CALLER, agent_shop, models_at, opened
from bench.agent.hostile_server import PacedServer
from bench.claim import Claim
from bench.options import make_parser


async def _sentences(folder: Path, server: PacedServer, turns: int) -> list[float]:
    """Return for each sentence how many milliseconds after its last piece was sent it left the turn."""
    late: list[float] = []
    with agent_shop(folder, models_at(server.url)) as (installation, features):
        chat = opened(installation, features)
        session, _ = chat.access.open(Identity(CALLER, "api_key:bench"), None, None)
        for _ in range(turns):
            server.sent_at.clear()
            arrived = [
                time.perf_counter()
                async for event in chat.conversation.events(session, "사과 있어요?", None)
                if event.name == "text"
            ]
            late += [1000 * (at - sent) for at, sent in zip(arrived, server.sent_at, strict=True)]
        await chat.close()
    # The first turn loads language data.
    return late[len(PacedServer.SENTENCES) :]


def sentence_claims(turns: int) -> list[Claim]:
    """Return the claims about the time of a sentence."""
    server = PacedServer(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            late = asyncio.run(_sentences(Path(folder), server, turns))
    finally:
        server.close()
    name, spread = "a checked sentence leaves after the model wrote it, p50", (min(late), max(late))
    return [Claim(name, statistics.median(late), "ms", bar=30, runs=len(late), spread=spread)]


PARTS: Mapping[str, Callable[[bool], list[Claim]]] = {
    "hostile": lambda quick: hostile_turn.claims(100 if quick else 1000),
    "sentence": lambda quick: sentence_claims(5 if quick else 50),
    "tokens": lambda quick: prompt_token.claims(10 if quick else 100),
    "real": lambda quick: real_model.claims(5 if quick else 104),
}


def main() -> int:
    """Print the claims."""
    parser = make_parser(__doc__, "python -m bench.agent.conversation")
    parser.add_argument("--only", choices=PARTS)
    chosen = parser.parse_args()
    for name, measure in PARTS.items():
        if chosen.only in (None, name):
            for claim in measure(chosen.quick):
                claim.print_json()
    return 0


if __name__ == "__main__":
    sys.exit(main())
