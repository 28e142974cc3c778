"""Bojagi's vocabulary of custom properties. `vocabulary.json` beside this file is its one source of truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

PropertyPlace = Literal["objectProperties", "columnProperties", "serverProperties"]


@dataclass(frozen=True)
class PropertyRule:
    """What one custom property takes: the type of its value, the list of its terms, the keys of a mapping."""

    name: str
    type: str
    meaning: str
    terms: str | None = None
    keys: tuple[str, ...] | None = None
    required: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary file, read."""

    vendor: str
    content: Mapping[str, Any]

    def rules(self, place: PropertyPlace) -> dict[str, PropertyRule]:
        """The custom properties known at a place of a contract, by name."""
        return {
            name: PropertyRule(
                name=name,
                type=entry["type"],
                meaning=entry["meaning"],
                terms=entry.get("terms"),
                keys=tuple(entry["keys"]) if "keys" in entry else None,
                required=entry.get("required", False),
            )
            for name, entry in self.content[place].items()
        }

    def terms(self, name: str) -> Mapping[str, Any]:
        """One list of terms, such as `purposes` or `categories`, in the file's order."""
        terms: Mapping[str, Any] = self.content[name]
        return terms

    def is_personal(self, category: str) -> bool:
        """Whether a category says something about a person. An unknown one does (fail closed)."""
        return bool(self.content["categories"].get(category, {}).get("personal", True))

    def is_identifying(self, category: str) -> bool:
        """Whether a category names a person by itself."""
        return bool(self.content["categories"].get(category, {}).get("identifies", False))

    def is_special(self, category: str) -> bool:
        """Whether a category is one of GDPR art. 9 and 10 or PIPA art. 23."""
        return bool(self.content["categories"].get(category, {}).get("special", False))

    def basis_of(self, purpose: str) -> str:
        """The legal basis that a purpose rests on unless a contract says otherwise."""
        return str(self.content["purposes"][purpose]["legalBasis"])


@cache
def load_vocabulary() -> Vocabulary:
    """Read the vocabulary; the same object every time."""
    text = resources.files(__package__).joinpath("vocabulary.json").read_text("utf-8")
    content = json.loads(text)
    return Vocabulary(vendor=content["vendor"], content=MappingProxyType(content))
