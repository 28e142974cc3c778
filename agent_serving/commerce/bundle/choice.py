"""Chooses a bundle: what is allowed, a good start, then the exact search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent_serving.commerce.bundle.exact import EFFORT, search
from agent_serving.commerce.bundle.feasibility import cheapest, permitted
from agent_serving.commerce.bundle.greedy import improve
from agent_serving.commerce.bundle.wish import Bundle, BundleItem, BundleWish, Pair, require_sound, worth_of
from agent_serving.commerce.money import total


def choose_bundle(
    items: Sequence[BundleItem], pairs: Mapping[Pair, int], wish: BundleWish, effort: float = EFFORT
) -> Bundle:
    """Return the bundle with the most points; `is_proven` is false if the effort ended before the proof.

    Args:
        items: the products for sale.
        pairs: points that two products add together, above 0 if they go together, below 0 if one replaces the other.
        wish: what the bundle must respect.
        effort: deterministic time of the search.

    Raises:
        BundleInputError, CurrencyMismatch: the input contradicts itself.
        NoBundle: no bundle respects the wish; it names the limit.
    """
    require_sound(items, pairs, wish)
    allowed = [item for item in permitted(items, wish) if item.price <= wish.budget or item.id in wish.required]
    start = improve(cheapest(allowed, wish), allowed, pairs, wish)
    found = search(allowed, pairs, wish, start, effort)
    chosen = tuple(sorted(found.items, key=lambda item: item.id))
    price = total((item.price for item in chosen), wish.budget.currency)
    return Bundle(chosen, price, worth_of(chosen, pairs), found.bound)
