"""Decides the intent of a message by weighted evidence."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent_serving.understanding.model import Intent
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import compact, read_lexicon


@dataclass(frozen=True)
class Cue:
    """Evidence of an intent: a pattern over the compact message, and its weight in log-odds."""

    intent: Intent
    pattern: re.Pattern[str]
    weight: float


@lru_cache(maxsize=1)
def cues() -> tuple[Cue, ...]:
    """Return the evidence of every intent."""
    return tuple(
        Cue(Intent(intent), re.compile(row["cue"]), float(row["weight"]))
        for intent, rows in read_lexicon("cue").items()
        for row in rows
    )


def intent_of(text: str, spans: Sequence[Span]) -> tuple[Intent, float]:
    """Return the intent with the most evidence, and its share of all evidence (softmax)."""
    short = compact(text)
    scores = {intent: 0.0 for intent in Intent}
    for cue in cues():
        if cue.pattern.search(short):
            scores[cue.intent] += cue.weight
    kinds = [span.kind for span in spans]
    scores[Intent.BUY_NOW] += (
        0.5 * (kinds.count("product") > 0) + 0.8 * (kinds.count("quantity") > 0) + 0.5 * ("price_max" in kinds)
    )
    scores[Intent.FIND_INFORMATION] += 0.8 * ("place" in kinds)
    best = max(scores, key=lambda intent: scores[intent])
    total = sum(math.exp(score) for score in scores.values())
    return best, math.exp(scores[best]) / total
