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
from agent_serving.understanding.morphology import Token
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import compact, read_lexicon

_FAMILIES = ("compare", "plan", "find", "service", "buy")
_SHORT = 10
GRAM = "#"
"""Mark of evidence that is a run of letters."""
_RUNS = (2, 3)


@lru_cache(maxsize=1)
def _cues() -> Mapping[str, re.Pattern[str]]:
    return {name: re.compile(pattern) for name, pattern in read_lexicon("cue").items()}


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, Mapping[str, float]]:
    found: Mapping[str, Mapping[str, float]] = json.loads(
        (files(__package__) / "lexicon" / "cue_weight.json").read_text()
    )
    return found


def evidence_of(text: str, spans: Sequence[Span], tokens: Sequence[Token] = ()) -> set[str]:
    """Return the names of all evidence in a message: cues, what was found in it, its words, and its runs of letters."""
    short, spaced = compact(text), " ".join(text.casefold().split())
    found = {n for n, pattern in _cues().items() if pattern.search(spaced if n.endswith("spaced") else short)}
    found |= words_of_tokens(tokens) | letter_runs(text)
    count = Counter(span.kind for span in spans)
    found |= {f"has_{kind}" for kind in count}
    shape = f"shape_{min(count['product'], 3)}{min(count['brand'], 2)}"
    cues = {name for name in found if "_" in name and "/" not in name and not name.startswith(GRAM)}
    families = {name.partition("_")[0] for name in cues} & set(_FAMILIES)
    found |= {
        shape,
        *(f"{shape}_{family}" for family in families),
        *(f"no_{f}" for f in _FAMILIES if f not in families),
    }
    if count["place"] > 1:
        found.add("many_place")
    if len(short) < _SHORT:
        found.add("short")
    if _repeats_name(tokens, spans):
        found.add("repeated_name")
    return found


def words_of_tokens(tokens: Sequence[Token]) -> set[str]:
    """Return words with their part of speech, and pairs of a verb and its ending: `사/VV+ᆫ/ET` is "bought"."""
    marked = [f"{token.form}/{token.tag[:2]}" for token in tokens]
    kinds = [token.tag[0] for token in tokens]
    pairs = {
        f"{a}+{b}" for a, b, k, n in zip(marked, marked[1:], kinds, kinds[1:], strict=False) if k in "VE" and n in "VE"
    }
    return {word for word, kind in zip(marked, kinds, strict=True) if kind in "NVMJE"} | pairs


def letter_runs(text: str) -> set[str]:
    """Return runs of two and three letters: they tell endings, dialect and typing errors that no dictionary has.

    >>> sorted(letter_runs("있나"))
    ['# 있', '# 있나', '#나 ', '#있나', '#있나 ']
    """
    spaced = f" {' '.join(text.split())} "
    return {GRAM + spaced[start : start + size] for size in _RUNS for start in range(len(spaced) - size + 1)}


def _repeats_name(tokens: Sequence[Token], spans: Sequence[Span]) -> bool:
    """Return whether a noun stands twice, or two products end alike: "밤고구마냐 호박고구마냐"."""
    nouns = Counter(token.form for token in tokens if token.tag in ("NNG", "NNP") and len(token.form) > 1)
    ends = Counter(
        compact(str(span.value))[-2:] for span in spans if span.kind == "product" and len(str(span.value)) > 2
    )
    return any(n > 1 for n in nouns.values()) or any(n > 1 for n in ends.values())


def intent_of(text: str, spans: Sequence[Span], tokens: Sequence[Token] = ()) -> tuple[Intent, float]:
    """Return the intent with the most evidence, and its probability by the weights."""
    weights = _weights()
    evidence = ["", *evidence_of(text, spans, tokens)]
    scores = {intent: sum(weights.get(name, {}).get(intent, 0.0) for name in evidence) for intent in Intent}
    best = max(scores, key=lambda intent: scores[intent])
    return best, 1 / sum(math.exp(score - scores[best]) for score in scores.values())
