"""Decides whether a product may be offered to a person with allergies, a faith or a diet. What is not stated denies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Any

from agent_serving.commerce.errors import CommerceError
from agent_serving.search.product_fact import NO_ALLERGENS, allergens_of, diets_of
from agent_serving.understanding.vocabulary import read_lexicon


class UnknownNeed(CommerceError):
    """An allergen or a diet has no code, so no product can be known to respect it."""

    code = "unknown_need"

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        listed = sorted(known)
        near = get_close_matches(name, listed, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(listed)}."
        super().__init__(f"There is no {kind} {name[:100]!r}, so no product is known to respect it. {hint}")
        self.kind, self.name = kind, name


class Refusal(StrEnum):
    """Why a product may not be offered."""

    CONTAINS = "contains_allergen"
    UNSTATED = "states_no_allergens"
    UNREADABLE = "states_an_unknown_allergen"
    DIET = "does_not_state_the_diet"


@dataclass(frozen=True)
class FoodFact:
    """What a product states. `allergens` None: it states nothing; empty: it states that there are none."""

    allergens: frozenset[str] | None = None
    diets: frozenset[str] = frozenset()

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> FoodFact:
        """Return what the facts of a document state, as the search reads them.

        >>> FoodFact.of_facts({"allergens": "Milk, egg", "diets": "vegetarian"}).allergens == {"milk", "egg"}
        True
        >>> FoodFact.of_facts({}).allergens is None
        True
        """
        stated = allergens_of(facts)
        return cls(frozenset(stated) - {NO_ALLERGENS} if stated else None, frozenset(diets_of(facts)))


@dataclass(frozen=True)
class DietaryNeed:
    """What every offered product must respect: it is free of these allergens and states all of these diets.

    Raises:
        UnknownNeed: an allergen or a diet is not among the codes of the constraint lexicon.
    """

    free_of: frozenset[str] = frozenset()
    diets: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for kind, names, known in (("allergen", self.free_of, _allergens()), ("diet", self.diets, _diets())):
            for name in sorted(names - known):
                raise UnknownNeed(kind, name, known)

    def refusal(self, food: FoodFact) -> Refusal | None:
        """Return why a product may not be offered; None if it may.

        >>> DietaryNeed(free_of=frozenset(["milk"])).refusal(FoodFact())
        <Refusal.UNSTATED: 'states_no_allergens'>
        """
        if self.free_of:
            if food.allergens is None:
                return Refusal.UNSTATED
            if food.allergens & self.free_of:
                return Refusal.CONTAINS
            # A word that has no code may be another name of the allergen.
            if not food.allergens <= _allergens():
                return Refusal.UNREADABLE
        return None if self.diets <= food.diets else Refusal.DIET


@cache
def _allergens() -> frozenset[str]:
    return frozenset(read_lexicon("constraint")["allergy"])


@cache
def _diets() -> frozenset[str]:
    words = read_lexicon("constraint")
    return frozenset([*words["faith"], *words["diet"]])


NO_NEED = DietaryNeed()
