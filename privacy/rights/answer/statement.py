"""Reads the texts of answers from `statement.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from privacy.rights.wording import Language, Wording


class Texts:
    """The texts of an answer in one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def __call__(self, key: str, **values: object) -> str:
        """Return a text, with `values` put into its braces."""
        text = str(_content()[key][self.language]).strip()
        return text.format(**values) if values else text

    def of(self, wording: Wording) -> str:
        """Return a wording in the language."""
        return wording.text(self.language)

    def rights(self, jurisdiction: str) -> list[str]:
        """Return what the law of a jurisdiction demands to be stated."""
        laws = _content()["laws"]
        return [str(text[self.language]) for text in laws.get(jurisdiction, laws["default"])]


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "statement.yaml").read_text("utf-8"))
    return content
