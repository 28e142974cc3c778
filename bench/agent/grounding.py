"""Measures the grounding of answers on adversarial replies: what leaves without a source, cards, and time.

python -m bench.agent.grounding [--quick]
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from agent_serving.grounding import stream as stream_module
from agent_serving.grounding.check import SentenceCheck
from agent_serving.grounding.other_name import OtherNames
from agent_serving.grounding.stream import GroundedStream
from agent_serving.grounding.word import warm_up
from agent_serving.tool.item import Item
from bench.agent.reply import Reply, ReplyWriter, squeezed
from bench.claim import Claim
from bench.options import make_parser
from pipelines.simulate.content import _Branch, _rows

SEED = 20_260_711
FRESH_SEEDS = (1, 2, 3, 4)
"""Seeds of replies on which nothing was tuned. The rules were tuned on the replies of `SEED`."""
REPLIES = 10_000
_MARKER_PARTS = re.compile(r"<<|>>|['\"][a-z_]+['\"]\s*:\s*\[")


@dataclass
class Tally:
    """What the replies let through."""

    replies: int = 0
    planted: int = 0
    leaked: Counter[str] = field(default_factory=Counter)
    markers_shown: int = 0
    uncited_cards: int = 0
    honest: int = 0
    honest_sent: int = 0
    milliseconds: list[float] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)


def catalogue(seed: int = SEED) -> list[Item]:
    """Return the items of one simulated branch."""
    rows = _Branch(_rows("branch")[0], np.random.default_rng(seed)).documents()
    return [Item(row["kind"], row["id"], row["title"], row["facts"], row["card"]) for row in rows]


def measure(replies: int, seed: int = SEED) -> Tally:
    """Stream the replies through the grounding and count what leaves."""
    items = catalogue(seed)
    other = OtherNames({str(i.facts[n]) for i in items for n in ("brand", "name_en") if n in i.facts})
    writer, tally = ReplyWriter(items, seed), Tally()
    for _ in range(replies):
        reply = writer.reply()
        tally.replies += 1
        stream = GroundedStream(reply.items, reply.language, reply.said, has_other_name=other)
        sent: list[str] = []
        for chunk in reply.chunks:
            begun = time.perf_counter()
            found = stream.feed(chunk)
            if found:
                tally.milliseconds.append((time.perf_counter() - begun) * 1000 / len(found))
            sent += found
        answer = stream.finish()
        sent += answer.rest
        _judge(reply, " ".join(sent), [item.id for item in answer.cards], tally)
    return tally


def _judge(reply: Reply, text: str, cards: Sequence[str], tally: Tally) -> None:
    seen = squeezed(text)
    for evidence in reply.evidence:
        tally.planted += 1
        if _is_in(evidence, text, seen):
            tally.leaked[evidence] += 1
            if len(tally.examples) < 40:
                tally.examples.append(f"{evidence!r} in {text!r}")
    tally.markers_shown += _MARKER_PARTS.search(text) is not None
    tally.uncited_cards += list(cards) != list(reply.cards or ())[: len(cards)] or len(cards) < min(
        len(reply.cards or ()), 10
    )
    tally.honest += len(reply.honest)
    tally.honest_sent += sum(squeezed(sentence) in seen for sentence in reply.honest)


def _is_in(evidence: str, text: str, seen: str) -> bool:
    """Return whether the evidence is in a text; Latin letters must not be a part of another word."""
    form = squeezed(evidence)
    if not form.isascii():
        return form in seen
    return (
        re.search(r"(?<![a-z0-9])" + r"[\W_]*".join(map(re.escape, form)) + r"(?![a-z0-9])", text.casefold())
        is not None
    )


def unnoticed_controls(replies: int) -> list[str]:
    """Return the checks whose absence the adversarial replies do not find; each is taken out in turn."""
    every = patch.object(stream_module, "cited_items", lambda _, items: tuple(reversed(items)))
    controls: dict[str, tuple[Any, str]] = {
        "names": (patch.object(SentenceCheck, "_has_unknown_name", lambda *_: False), "leaked"),
        "values": (patch.object(SentenceCheck, "_wrong_values", lambda *_: ()), "leaked"),
        "cards": (every, "uncited_cards"),
    }
    found = []
    for name, (broken, counted) in controls.items():
        with broken:
            seen = getattr(measure(replies), counted)
        print(f"control without {name}: {seen.total() if isinstance(seen, Counter) else seen}", file=sys.stderr)
        if not seen:
            found.append(name)
    return found


def main() -> int:
    """Print the claims."""
    arguments = make_parser(__doc__, "python -m bench.agent.grounding").parse_args()
    warm_up()
    count = REPLIES // 20 if arguments.quick else REPLIES
    tally = measure(count)
    for example in tally.examples:
        print(example, file=sys.stderr)
    wrong = float(sum(tally.leaked.values()))
    print(
        f"{tally.replies} replies, {tally.planted} planted, {tally.honest_sent}/{tally.honest} honest", file=sys.stderr
    )
    fresh = [measure(count, seed) for seed in FRESH_SEEDS]
    for example in (example for one in fresh for example in one.examples):
        print(example, file=sys.stderr)
    leaks = sorted(float(sum(one.leaked.values())) for one in fresh)
    print(f"fresh seeds: {sum(leaks):g} of {sum(one.planted for one in fresh)} planted", file=sys.stderr)
    name = f"ungrounded names and values in {count} adversarial replies"
    claims = [
        Claim(f"{name}, tuned on", wrong, "pieces", bar=0),
        Claim(
            f"{name} of a fresh seed",
            statistics.median(leaks),
            "pieces",
            bar=0,
            runs=len(leaks),
            spread=(leaks[0], leaks[-1]),
        ),
        Claim("cards that were not cited, or not in order", float(tally.uncited_cards), "replies", bar=0),
        Claim("replies that showed a part of the marker", float(tally.markers_shown), "replies", bar=0),
        Claim("missing checks that go unnoticed", float(len(unnoticed_controls(count // 20))), "checks", bar=0),
        Claim("grounded sentences held back", 1 - tally.honest_sent / tally.honest, "share"),
        Claim("a checked sentence leaves, p50", statistics.median(tally.milliseconds), "ms", bar=30),
    ]
    for claim in claims:
        claim.print_json()
    return 0


if __name__ == "__main__":
    sys.exit(main())
