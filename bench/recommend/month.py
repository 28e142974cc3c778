"""Measures the lists for one month against popularity and personal frequency, with the same evaluator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

import numpy as np

from bench.claim import Claim
from bench.recommend.complete_journey import read_purchases
from features.recommend.candidate import decayed_frequency, popularity
from features.recommend.evaluation import CUT, bought_items, ndcg_of, paired_difference, recall_of
from features.recommend.history import Floats, PurchaseHistory, day_number
from features.recommend.measure import MEASURES, typical_price
from features.recommend.objective import Objective, price_trait
from features.recommend.recommender import Ranked, fit_recommender

LEARNED_UNTIL, END = date(2017, 12, 1), date(2018, 1, 1)
FIT_DAYS = (date(2017, 10, 4), date(2017, 11, 2))
FREQUENCY_HALF_LIFE = 60.0
CHEAPER = 0.08
WEIGHTS = tuple(step / 20 for step in range(1, 41))


def measure() -> Iterator[Claim]:
    """Yield the claims for types and for products."""
    for item in ("product_type", "product_id"):
        yield from _measure(item)


def _measure(item: str) -> Iterator[Claim]:
    history, day = read_purchases(item), day_number(LEARNED_UNTIL)
    recommender = fit_recommender(history.before(day), [day_number(one) for one in FIT_DAYS])
    later, past = history.between(day, day_number(END)), history.before(day)
    bought = bought_items(later)
    customers = np.array(sorted(set(bought) & set(past.customer.tolist())))
    bought = {int(customer): bought[int(customer)] for customer in customers}
    ranked = recommender.rank(history, day, customers)
    ours = ndcg_of(ranked.lists(CUT), bought)
    frequency = decayed_frequency(past, day, FREQUENCY_HALF_LIFE)
    popular = popularity(past, day)
    simple = {int(one): _best(np.asarray(frequency[one].todense()).ravel() + 1e-6 * popular) for one in customers}
    theirs = ndcg_of(simple, bought)
    yield _claim(f"NDCG@10 of a month, {item}", ours, theirs, "personal frequency")
    yield _gap(f"NDCG@10 of a month above personal frequency, lower bound, {item}", ours, theirs)
    yield Claim(f"candidate recall, {item}", recall_of(_sets(ranked), bought), "share")
    yield _cost_of_price(past, ranked, bought, item)
    yield from _never_bought(past, ranked, bought, popular, item)


def _never_bought(
    past: PurchaseHistory, ranked: Ranked, bought: dict[int, set[int]], popular: Floats, item: str
) -> Iterator[Claim]:
    known = bought_items(past)
    new = {customer: items - known[customer] for customer, items in bought.items()}
    new = {customer: items for customer, items in new.items() if items}
    is_new = ranked.measures[:, MEASURES.index("never_bought")] > 0
    ours = ndcg_of(ranked.lists(CUT, only=is_new), new)
    order = np.argsort(-popular, kind="stable").tolist()
    simple = {customer: [one for one in order[:1000] if one not in known[customer]][:CUT] for customer in new}
    theirs = ndcg_of(simple, new)
    yield _claim(f"NDCG@10 of items never bought before, {item}", ours, theirs, "popularity")
    yield _gap(f"NDCG@10 of items never bought before above popularity, lower bound, {item}", ours, theirs)


def _cost_of_price(past: PurchaseHistory, ranked: Ranked, bought: dict[int, set[int]], item: str) -> Claim:
    """Return the share of NDCG lost by the smallest weight on price that makes the lists 8 % cheaper."""
    price = typical_price(past)
    base_lists = ranked.lists(CUT)
    base, base_price = ndcg_of(base_lists, bought).mean(), _mean_price(base_lists, price)
    trait = {"price": price_trait(price)}
    lost = 1.0
    for weight in WEIGHTS:
        bonus = Objective(price=weight).bonus(trait, len(price))[ranked.pairs.item]
        lists = replace(ranked, score=ranked.score + bonus).lists(CUT)
        if _mean_price(lists, price) <= (1 - CHEAPER) * base_price:
            lost = float(1 - ndcg_of(lists, bought).mean() / base)
            break
    return Claim(f"share of NDCG that lists with an 8 % lower mean price cost, {item}", lost, "share", bar=0.015)


def _mean_price(lists: Mapping[int, list[int]], price: Floats) -> float:
    return float(np.nanmean(price[[item for items in lists.values() for item in items]]))


def _best(score: Floats) -> list[int]:
    return [int(one) for one in np.argsort(-score, kind="stable")[:CUT]]


def _sets(ranked: Ranked) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for customer, item in zip(ranked.pairs.customer.tolist(), ranked.pairs.item.tolist(), strict=True):
        found.setdefault(customer, set()).add(item)
    return found


def _claim(name: str, ours: Floats, theirs: Floats, peer: str) -> Claim:
    return Claim(name, float(ours.mean()), "NDCG", other=float(theirs.mean()), peer=peer)


def _gap(name: str, ours: Floats, theirs: Floats) -> Claim:
    return Claim(name, paired_difference(ours, theirs).low, "NDCG")
