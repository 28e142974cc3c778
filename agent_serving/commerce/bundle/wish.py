"""What a bundle is chosen from, and what it must respect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent_serving.commerce.bundle.errors import BundleInputError
from agent_serving.commerce.diet import NO_NEED, DietaryNeed, FoodFact
from agent_serving.commerce.money import Money

Pair = tuple[str, str]


@dataclass(frozen=True)
class BundleItem:
    """One product. `worth` is what it adds to a bundle, in whole points; a bundle holds it at most once."""

    id: str
    price: Money
    category: str
    worth: int
    food: FoodFact = FoodFact()


@dataclass(frozen=True)
class CategoryLimit:
    """How many products of a category a bundle holds, both bounds included. None is no bound."""

    least: int = 0
    most: int | None = None


@dataclass(frozen=True)
class BundleWish:
    """What a bundle must respect.

    Attributes:
        budget: the most that it costs.
        need: allergies and diets that every product respects.
        categories: limits by category; a category without one has none.
        least_items, most_items: how many products it holds, both included. None is no bound.
        required: ids of products that it holds.

    Raises:
        BundleInputError: a lower bound is negative or above its upper bound.
    """

    budget: Money
    need: DietaryNeed = NO_NEED
    categories: Mapping[str, CategoryLimit] = field(default_factory=dict)
    least_items: int = 1
    most_items: int | None = None
    required: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        bounds = {name: (limit.least, limit.most) for name, limit in self.categories.items()}
        bounds[""] = (self.least_items, self.most_items)
        for name, (least, most) in bounds.items():
            if least < 0 or (most is not None and most < least):
                raise BundleInputError(f"{name or 'products'}: got {least} to {most}; expected 0 ≤ least ≤ most.")

    def most_of(self, category: str) -> int | None:
        """Return the upper bound of a category; None if there is none."""
        limit = self.categories.get(category)
        return None if limit is None else limit.most


@dataclass(frozen=True)
class Bundle:
    """A chosen bundle.

    Attributes:
        items: the products, by id.
        price: what they cost together.
        worth: their points with those of the pairs among them.
        bound: no bundle is worth more points.
        is_proven: whether `worth` equals `bound`. Otherwise a better one may exist: show it as "not proven".
    """

    items: tuple[BundleItem, ...]
    price: Money
    worth: int
    bound: int

    @property
    def is_proven(self) -> bool:
        """Whether no bundle is worth more."""
        return self.worth == self.bound


def worth_of(items: Sequence[BundleItem], pairs: Mapping[Pair, int]) -> int:
    """Return the points of the products and of the pairs among them."""
    ids = {item.id for item in items}
    return sum(item.worth for item in items) + sum(
        points for (one, other), points in pairs.items() if one in ids and other in ids
    )


def require_sound(items: Sequence[BundleItem], pairs: Mapping[Pair, int], wish: BundleWish) -> None:
    """Raise what is wrong with the input.

    Raises:
        BundleInputError: an id stands twice, a pair is of one product or stands twice, or points are no whole number.
        CurrencyMismatch: a price is not in the currency of the budget.
    """
    doubled = [id_ for id_, count in Counter(item.id for item in items).items() if count > 1]
    if doubled:
        raise BundleInputError(f"Got the product {doubled[0]!r} twice; expected each id once.")
    for one, other in pairs:
        if one == other or (other, one) in pairs:
            raise BundleInputError(f"Got the pair {one!r}, {other!r}; expected two products, and each pair once.")
    if any(type(points) is not int for points in (*(item.worth for item in items), *pairs.values())):
        raise BundleInputError("Got points that are no whole number; expected whole numbers.")
    for item in items:
        wish.budget >= item.price  # noqa: B015 raises for another currency
