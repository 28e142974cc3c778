"""Builds a good bundle without a proof: the start of the exact search, and what is left when its time is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from agent_serving.commerce.bundle.wish import BundleItem, BundleWish, Pair


def improve(
    start: Sequence[BundleItem], items: Sequence[BundleItem], pairs: Mapping[Pair, int], wish: BundleWish
) -> list[BundleItem]:
    """Return a bundle that no single exchange or addition makes better, found from a bundle that respects the wish.

    In each step the product is added, or takes the place of another, which gains the most points.
    """
    partners = partners_of(pairs)
    chosen = list(start)
    while True:
        step = _best_step(chosen, items, partners, wish)
        if step is None:
            return chosen
        added, removed = step
        chosen = [item for item in chosen if item is not removed] + [added]


def partners_of(pairs: Mapping[Pair, int]) -> dict[str, dict[str, int]]:
    """Return the points of each product with each of its partners."""
    found: dict[str, dict[str, int]] = {}
    for (one, other), points in pairs.items():
        found.setdefault(one, {})[other] = points
        found.setdefault(other, {})[one] = points
    return found


def _best_step(
    chosen: list[BundleItem], items: Sequence[BundleItem], partners: Mapping[str, Mapping[str, int]], wish: BundleWish
) -> tuple[BundleItem, BundleItem | None] | None:
    held = {item.id for item in chosen}
    money = wish.budget.minor - sum(item.price.minor for item in chosen)
    count = Counter(item.category for item in chosen)
    most = wish.most_items
    removable = [None, *(item for item in chosen if item.id not in wish.required)]
    gains = {
        item.id: item.worth + sum(points for id_, points in partners.get(item.id, {}).items() if id_ in held)
        for item in items
    }
    best: tuple[int, BundleItem, BundleItem | None] | None = None
    for added in items:
        if added.id in held:
            continue
        for removed in removable:
            gain = gains[added.id]
            if removed is not None:
                gain -= gains[removed.id] + partners.get(added.id, {}).get(removed.id, 0)
            if gain <= (best[0] if best else 0) or added.price.minor - (removed.price.minor if removed else 0) > money:
                continue
            if removed is None and most is not None and len(chosen) >= most:
                continue
            if _keeps_categories(added, removed, count, wish):
                best = (gain, added, removed)
    return None if best is None else best[1:]


def _keeps_categories(added: BundleItem, removed: BundleItem | None, count: Counter[str], wish: BundleWish) -> bool:
    if removed is not None and removed.category == added.category:
        return True
    most = wish.most_of(added.category)
    if most is not None and count[added.category] >= most:
        return False
    limit = wish.categories.get(removed.category) if removed else None
    return removed is None or limit is None or count[removed.category] > limit.least
