"""Reads the sentences of rule-written answers in a language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from agent_serving.understanding.model import Language, Slot


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
