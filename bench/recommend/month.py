"""Measures the lists for a month against simple methods, with the same evaluator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np

from bench.claim import Claim
from bench.recommend.complete_journey import read_purchases
from bench.recommend.peer import Peer, bm25, ease, most_popular, only_new, personal_frequency, tifu_knn
from features.recommend.evaluation import CUT, bought_items, ndcg_of, paired_difference, recall_of
from features.recommend.history import Floats, Ints, PurchaseHistory, day_number
from features.recommend.objective import Objective, Traits
from features.recommend.population import learn_population
from features.recommend.recommender import FIT_MONTHS, HORIZON_DAYS, Ranked, fit_recommender, label_month
from features.recommend.trait import item_traits

LEARNED_UNTIL, END = date(2017, 12, 1), date(2018, 1, 1)
PEERS: Mapping[str, Peer] = {
    "personal frequency": personal_frequency, "TIFU-KNN": tifu_knn, "EASE": ease, "BM25 neighbours": bm25,
    "popularity": most_popular,
}  # fmt: skip
CHEAPER = 0.08
WEIGHTS = tuple(step / 20 for step in range(1, 41))
_CHUNK = 250


def measure(item: str) -> Iterator[Claim]:
    """Yield the claims for lists of `product_type` or `product_id`."""
    history, catalogue = read_purchases(item)
    day = day_number(LEARNED_UNTIL)
    past, later = history.before(day), history.between(day, day_number(END))
    days = (day - HORIZON_DAYS * month for month in range(1, FIT_MONTHS + 1))
    recommender = fit_recommender([label_month(past, learn_population(past, one, catalogue)) for one in days])
    population = learn_population(past, day, catalogue)
    known, bought = bought_items(past), bought_items(later)
    bought = {one: bought[one] for one in sorted(bought) if one in known}
    new = {one: items - known[one] for one, items in bought.items() if items - known[one]}
    customers = np.array(list(bought), dtype=np.int64)
    ranked = list(recommender.rank(past, population, customers))
    ours, ours_new = ndcg_of(_lists(ranked), bought), ndcg_of(_lists(ranked, only_new=True), new)
    theirs, theirs_new = _peers(past, day, customers, bought, new)
    for name, scores in theirs.items():
        yield _claim(f"NDCG@10 of a month, {item}", ours, scores, name)
    yield _gap(f"NDCG@10 of a month above personal frequency, lower bound, {item}", ours, theirs["personal frequency"])
    for name, scores in theirs_new.items():
        yield _claim(f"NDCG@10 of items never bought before, {item}", ours_new, scores, name)
    yield _gap(f"the same above popularity, lower bound, {item}", ours_new, theirs_new["popularity"])
    yield Claim(f"candidate recall, {item}", recall_of(_candidates(ranked), bought), "share")
    yield _cost_of_price(item_traits(past, catalogue), population.price, ranked, bought, item)


def _peers(
    past: PurchaseHistory, day: int, customers: Ints, bought: dict[int, set[int]], new: dict[int, set[int]]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    every: dict[str, Floats] = {}
    unseen: dict[str, Floats] = {}
    for name, peer in PEERS.items():
        lists: dict[int, list[int]] = {}
        new_lists: dict[int, list[int]] = {}
        scores = peer(past, day, customers)
        for start in range(0, len(customers), _CHUNK):
            some = customers[start : start + _CHUNK]
            part = scores[start : start + _CHUNK]
            lists |= _best(part, some)
            new_lists |= _best(only_new(part, past, some), some)
        every[name], unseen[name] = ndcg_of(lists, bought), ndcg_of(new_lists, new)
    return every, unseen


def _best(scores: Floats, customers: Ints) -> dict[int, list[int]]:
    order = np.argsort(-scores, axis=1, kind="stable")[:, :CUT]
    return {int(one): [int(item) for item in row] for one, row in zip(customers, order, strict=True)}


def _lists(ranked: list[Ranked], *, only_new: bool = False) -> dict[int, list[int]]:
    return {one: items for part in ranked for one, items in part.lists(CUT, only_new=only_new).items()}


def _candidates(ranked: list[Ranked]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for part in ranked:
        for customer, item in zip(part.pairs.customer.tolist(), part.pairs.item.tolist(), strict=True):
            found.setdefault(customer, set()).add(item)
    return found


def _cost_of_price(
    traits: Traits, price: Floats, ranked: list[Ranked], bought: dict[int, set[int]], item: str
) -> Claim:
    """Return the share of NDCG lost by the smallest weight on price that makes the lists 8 % cheaper."""
    base_lists = _lists(ranked)
    base, base_price = ndcg_of(base_lists, bought).mean(), _mean_price(base_lists, price)
    lost = 1.0
    for weight in WEIGHTS:
        bonus = Objective(price=weight).bonus(traits)
        lists = {
            one: items
            for part in ranked
            for one, items in part.lists(CUT, score=part.score + bonus[part.pairs.item]).items()
        }
        if _mean_price(lists, price) <= (1 - CHEAPER) * base_price:
            lost = float(1 - ndcg_of(lists, bought).mean() / base)
            break
    return Claim(f"share of NDCG that lists with an 8 % lower mean price cost, {item}", lost, "share", bar=0.015)


def _mean_price(lists: Mapping[int, list[int]], price: Floats) -> float:
    return float(np.nanmean(price[[item for items in lists.values() for item in items]]))


def _claim(name: str, ours: Floats, theirs: Floats, peer: str) -> Claim:
    return Claim(name, float(ours.mean()), "NDCG", other=float(theirs.mean()), peer=peer)


def _gap(name: str, ours: Floats, theirs: Floats) -> Claim:
    return Claim(name, paired_difference(ours, theirs).low, "NDCG")
