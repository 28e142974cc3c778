"""Reads the sentences of rule-written answers in a language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from agent_serving.understanding.model import Language, Slot, Topic


@cache
def wording(language: Language) -> Mapping[str, Any]:
    """Return the sentences of a language."""
    found: Mapping[str, Any] = yaml.safe_load(
        (files(__package__) / "wording" / f"{language}.yaml").read_text(encoding="utf-8")
    )
    return found


def question(slot: Slot, language: Language) -> str:
    """Return the question that asks for a missing detail."""
    return str(wording(language)["question"][slot])


def courtesy(topic: Topic, language: Language) -> str | None:
    """Return the answer to a greeting or to thanks; None for a topic that wants something."""
    found: str | None = wording(language)["courtesy"].get(topic)
    return found
