"""Reads Bojagi's vocabulary of custom properties from `vocabulary.json` in this folder."""

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
    """Rule for one custom property: type of its value, its list of allowed terms, allowed keys of a mapping,
    and bounds of a number.
    """

    name: str
    type: str
    meaning: str
    terms: str | None = None
    keys: tuple[str, ...] | None = None
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary: custom properties, and the lists of terms that their values come from."""

    vendor: str
    content: Mapping[str, Any]

    def rules(self, place: PropertyPlace) -> dict[str, PropertyRule]:
        """Return the custom properties allowed on a table, column or server, by name."""
        return {
            name: PropertyRule(
                name=name,
                type=entry["type"],
                meaning=entry["meaning"],
                terms=entry.get("terms"),
                keys=tuple(entry["keys"]) if "keys" in entry else None,
                required=entry.get("required", False),
                minimum=entry.get("minimum"),
                maximum=entry.get("maximum"),
            )
            for name, entry in self.content[place].items()
        }

    def terms(self, name: str) -> Mapping[str, Any]:
        """Return one list of terms, such as `purposes` or `categories`, in the order of the file."""
        terms: Mapping[str, Any] = self.content[name]
        return terms

    def is_personal(self, category: str) -> bool:
        """Return whether a data category is personal data. An unknown category counts as personal."""
        return bool(self.content["categories"].get(category, {}).get("personal", True))

    def is_identifying(self, category: str) -> bool:
        """Return whether a data category identifies a person by itself."""
        return bool(self.content["categories"].get(category, {}).get("identifies", False))

    def is_special(self, category: str) -> bool:
        """Return whether a data category is special: GDPR art. 9 and 10, PIPA art. 23."""
        return bool(self.content["categories"].get(category, {}).get("special", False))

    def basis_of(self, purpose: str) -> str:
        """Return the default legal basis of a purpose; a contract may replace it."""
        return str(self.content["purposes"][purpose]["legalBasis"])


@cache
def load_vocabulary() -> Vocabulary:
    """Return the vocabulary; it is read once and the same object is returned every time."""
    text = resources.files(__package__).joinpath("vocabulary.json").read_text("utf-8")
    content = json.loads(text)
    return Vocabulary(vendor=content["vendor"], content=MappingProxyType(content))
