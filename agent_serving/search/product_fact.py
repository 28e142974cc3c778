"""Reads what the facts of a product state, such as its allergens and diets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agent_serving.search.text_form import squeeze

NO_ALLERGENS: Final = "none"
"""States that there are none; an absent fact states nothing."""

# What holds for whatever a diet permits: a vegan product is vegetarian.
_IMPLIED: Final = {"vegan": ("vegetarian", "pescatarian", "lactose_free"), "vegetarian": ("pescatarian",)}


def values_of(facts: Mapping[str, Any], name: str) -> list[str]:
    """Return the values of a fact, which are joined by commas, without spaces and case."""
    return [squeeze(part) for part in str(facts.get(name, "")).split(",") if part.strip()]


def allergens_of(facts: Mapping[str, Any]) -> list[str]:
    """Return the stated allergens; `none` alone if the product states that there are none, nothing if it is silent."""
    return values_of(facts, "allergens")


def diets_of(facts: Mapping[str, Any]) -> list[str]:
    """Return the stated diets and faiths with those that they imply."""
    stated = values_of(facts, "diets")
    return list(dict.fromkeys([*stated, *(more for diet in stated for more in _IMPLIED.get(diet, ()))]))
