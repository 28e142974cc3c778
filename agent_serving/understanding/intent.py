"""Decides the intent of a message by weighted evidence: patterns of words, and what was found in it."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

from agent_serving.understanding.model import Intent
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import compact, read_lexicon


@lru_cache(maxsize=1)
def _cues() -> Mapping[str, re.Pattern[str]]:
    return {name: re.compile(pattern) for name, pattern in read_lexicon("cue").items()}


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, Mapping[str, float]]:
    found: Mapping[str, Mapping[str, float]] = json.loads((files(__package__) / "lexicon" / "cue_weight.json").read_text())
    return found


def evidence_of(text: str, spans: Sequence[Span]) -> set[str]:
    """Return the names of all evidence in a message."""
    short = compact(text)
    found = {name for name, pattern in _cues().items() if pattern.search(short)}
    count = Counter(span.kind for span in spans)
    for kind in ("product", "brand", "place", "time", "quantity", "price_max", "price_min", "allergy", "diet", "faith"):
        if count[kind]:
            found.add(f"has_{kind}")
    for kind in ("product", "brand", "place"):
        if count[kind] > 1:
            found.add(f"many_{kind}")
    if count["product"] > 2:
        found.add("three_products")
    if not count["product"] and not count["brand"]:
        found.add("nothing_named")
    if count["brand"] and not count["product"]:
        found.add("brand_alone")
    if len(short) < 10:
        found.add("short")
    for prefix in ("compare", "plan", "find", "service", "buy"):
        if not any(name.startswith(prefix) for name in found):
            found.add(f"no_{prefix}")
    return found


def intent_of(text: str, spans: Sequence[Span]) -> tuple[Intent, float]:
    """Return the intent with the most evidence, and its probability by the weights."""
    weights = _weights()
    evidence = ["", *evidence_of(text, spans)]
    scores = {intent: sum(weights.get(name, {}).get(intent, 0.0) for name in evidence) for intent in Intent}
    best = max(scores, key=lambda intent: scores[intent])
    return best, 1 / sum(math.exp(score - scores[best]) for score in scores.values())
