"""Finds the products that a bundle may hold, and names the limit when no bundle is possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agent_serving.commerce.bundle.errors import NoBundle
from agent_serving.commerce.bundle.wish import BundleItem, BundleWish
from agent_serving.commerce.money import total


def permitted(items: Sequence[BundleItem], wish: BundleWish) -> list[BundleItem]:
    """Return the products that respect the dietary need.

    Raises:
        NoBundle: a required product is not for sale or does not respect it, or a category has too few that do.
    """
    found = [item for item in items if wish.need.refusal(item.food) is None]
    by_id = {item.id: item for item in items}
    for id_ in sorted(wish.required - {item.id for item in found}):
        if id_ not in by_id:
            raise NoBundle("required", id_, "it is not among the products.")
        raise NoBundle("diet", id_, f"it {_words(wish, by_id[id_])}.")
    every, left = (Counter(item.category for item in some) for some in (items, found))
    for category, limit in wish.categories.items():
        if left[category] < limit.least:
            name = "diet" if every[category] >= limit.least else "category"
            raise NoBundle(name, category, f"{left[category]} of the {every[category]} products may be offered, "
                           f"expected at least {limit.least}.")  # fmt: skip
    return found


def _words(wish: BundleWish, item: BundleItem) -> str:
    refusal = wish.need.refusal(item.food)
    return refusal.value.replace("_", " ") if refusal else ""


def cheapest(items: Sequence[BundleItem], wish: BundleWish) -> list[BundleItem]:
    """Return the cheapest products that respect all limits but the budget.

    First the required ones, then the cheapest of each category up to its lower bound, then the cheapest of all that
    the upper bounds allow. Limits by category form a matroid, so no other choice costs less.

    Raises:
        NoBundle: the limits of categories, required products and number of products exclude each other, or the
            cheapest choice is above the budget.
    """
    chosen = [item for item in items if item.id in wish.required]
    count = Counter(item.category for item in chosen)
    for category, held in count.items():
        most = wish.most_of(category)
        if most is not None and held > most:
            raise NoBundle("category", category, f"{held} products of it are required, at most {most} are allowed.")
    rest = sorted(
        (item for item in items if item.id not in wish.required), key=lambda item: (item.price.minor, item.id)
    )
    for is_needed in (True, False):
        for item in rest:
            limit = wish.categories.get(item.category)
            most = wish.most_of(item.category)
            wanted = count[item.category] < limit.least if limit and is_needed else not is_needed
            enough = not is_needed and len(chosen) >= wish.least_items
            if wanted and not enough and item not in chosen and (most is None or count[item.category] < most):
                chosen.append(item)
                count[item.category] += 1
    if len(chosen) < wish.least_items:
        raise NoBundle(
            "items", "", f"{len(chosen)} products can be held together, expected at least {wish.least_items}."
        )
    if wish.most_items is not None and len(chosen) > wish.most_items:
        raise NoBundle("items", "", f"the required products and categories are {len(chosen)}, at most "
                       f"{wish.most_items} are allowed.")  # fmt: skip
    price = total((item.price for item in chosen), wish.budget.currency)
    if price > wish.budget:
        raise NoBundle("budget", "", f"the cheapest bundle costs {price}, the budget is {wish.budget}.")
    return chosen
