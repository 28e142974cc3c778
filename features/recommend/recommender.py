"""The hybrid recommender: one additive model for items bought before and one for new ones, over the same candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pydantic import TypeAdapter

from features.insight.model.additive import AdditiveModel, Shape, fit_additive
from features.recommend.candidate import Pairs, list_candidates, score_sources
from features.recommend.choice import choose
from features.recommend.errors import TooFewPurchasesError
from features.recommend.history import Floats, Ints, PurchaseHistory
from features.recommend.measure import ALIKE, NEW, OWN, Measures, measure_pairs
from features.recommend.population import Population

FEWEST_CUSTOMERS = 50
"""Fewer customers would make a weight the habit of a few persons."""
HORIZON_DAYS, FIT_MONTHS = 28, 3
"""A candidate counts as bought if it is bought within the horizon; the model is fitted on so many horizons."""
FIT_CUSTOMERS, FIT_PAIRS = 1_000, 250_000
"""Most customers of a horizon and most candidates of one fit: more change the lists little."""
OWN_PENALTY, NEW_PENALTY = 0.0001, 0.001
"""Chosen on November 2017 of the Complete Journey among .00001, .0001 and .001."""
CHUNK_CUSTOMERS = 1000
"""Customers whose candidates are computed at once: their scores by item fill 80 MB."""


_KIND = {name: number for number, names in enumerate(ALIKE) for name in names}


@dataclass(frozen=True)
class Reason:
    """A measure and what it adds to the log-odds of an item, compared with an average candidate."""

    measure: str
    effect: float


@dataclass(frozen=True)
class Ranked:
    """Candidates with their measures and log-odds of a purchase within the horizon."""

    pairs: Pairs
    measures: Measures
    score: Floats

    def of_customers(self) -> Iterator[tuple[int, slice]]:
        """Yield each customer with the place of its candidates."""
        customer = self.pairs.customer
        starts = np.flatnonzero(np.diff(customer, prepend=-1)).tolist()
        for start, end in pairwise([*starts, len(customer)]):
            yield int(customer[start]), slice(start, end)

    def lists(
        self, count: int, *, score: Floats | None = None, new_slots: int = 0, only_new: bool = False
    ) -> dict[int, list[int]]:
        """Return the items of each customer, see `choose`.

        Args:
            count: most items of a list.
            score: scores in place of the log-odds.
            new_slots: places reserved for new items.
            only_new: whether a list has only items that the customer never bought.
        """
        ranking, is_new = self.score if score is None else score, self.measures["is_new"] > 0
        if only_new:
            ranking = np.where(is_new, ranking, -np.inf)
        found = {}
        for customer, own in self.of_customers():
            chosen = choose(ranking[own], is_new[own], count, new_slots)
            found[customer] = self.pairs.item[own][chosen[np.isfinite(ranking[own][chosen])]].tolist()
        return found


@dataclass(frozen=True)
class Recommender:
    """The two models. They hold sums over customers, no value of a person."""

    own: AdditiveModel
    new: AdditiveModel

    def rank(self, history: PurchaseHistory, population: Population, customers: Ints) -> Iterator[Ranked]:
        """Yield the candidates of customers with their scores on the population's day, some customers at a time.

        Args:
            history: purchases; those from the day on are not used. Its items are those of the catalogue.
            population: statistics of the day.
            customers: sorted positions in the history without repetition.
        """
        for pairs, measures in measured(history, population, customers):
            yield Ranked(pairs, measures, self.score(measures))

    def score(self, measures: Measures) -> Floats:
        """Return the log-odds of a purchase within the horizon, of each candidate."""
        return np.where(measures["is_new"] > 0, self.new.predict(measures), self.own.predict(measures))

    def reasons(self, measures: Measures, most: int = 3) -> list[tuple[Reason, ...]]:
        """Return for each candidate the measures that raise its log-odds most, the strongest first."""
        is_new = measures["is_new"] > 0
        found: list[tuple[Reason, ...]] = []
        effects = {True: self.new.effects(measures), False: self.own.effects(measures)}
        for row, new in enumerate(is_new.tolist()):
            shapes, own = (self.new if new else self.own).shapes, effects[new][row]
            told: dict[int, Reason] = {}
            for place in np.argsort(-own, kind="stable"):
                if own[place] <= 0 or len(told) == most:
                    break
                name = shapes[place].feature
                told.setdefault(_KIND.get(name, -1 - int(place)), Reason(name, float(own[place])))
            found.append(tuple(told.values()))
        return found

    def to_json(self) -> str:
        """Return the models as JSON; equal models give equal texts."""
        return _FORM.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Recommender:
        """Return the recommender of `to_json`."""
        return _FORM.validate_json(text)


_FORM = TypeAdapter(Recommender)

FREQUENCY = Recommender(
    AdditiveModel(-2.0, (
        Shape("bought_this_season", (0.0, 4.0), (0.0, 8.0), 0.0), Shape("popularity", (-9.0, 0.0), (-0.1, 0.0), 0.0),
    )),
    AdditiveModel(-8.0, (Shape("popularity", (-9.0, 0.0), (-2.0, 0.0), 0.0),)),
)  # fmt: skip
"""The simple recommender: items bought often and lately, then popular ones. Nothing of it is fitted."""


@dataclass(frozen=True)
class Month:
    """The candidates of a horizon with their measures, and 1 where the item was bought in it."""

    measures: Measures
    bought: Floats
    most_items: int


def label_month(history: PurchaseHistory, population: Population) -> Month:
    """Return the candidates on the population's day of customers who bought before and within the horizon.

    Raises:
        TooFewPurchasesError: they are fewer than `FEWEST_CUSTOMERS`.
    """
    day = population.day
    later = history.between(day, day + HORIZON_DAYS)
    customers = np.intersect1d(history.before(day).customer, later.customer)
    if len(customers) < FEWEST_CUSTOMERS:
        raise TooFewPurchasesError(len(customers), FEWEST_CUSTOMERS)
    customers = customers[:: -(-len(customers) // FIT_CUSTOMERS)]
    size = len(history.items)
    codes = np.unique(later.customer * size + later.item)
    parts = list(measured(history, population, customers))
    labels = np.concatenate([np.isin(pairs.codes(size), codes).astype(np.float64) for pairs, _ in parts])
    most = max(int(np.unique(pairs.customer, return_counts=True)[1].max()) for pairs, _ in parts)
    return Month({name: np.concatenate([one[name] for _, one in parts]) for name in parts[0][1]}, labels, most)


def fit_recommender(months: Sequence[Month], seed: int = 0) -> Recommender:
    """Return a recommender fitted on months of customers who permit it. The same months give the same recommender.

    Where all candidates of a kind were bought, or none, there is nothing to learn: that model is the simple one.
    """
    columns = {name: np.concatenate([one.measures[name] for one in months]) for name in months[0].measures}
    truth, is_new = np.concatenate([one.bought for one in months]), columns["is_new"] > 0
    random = np.random.default_rng(seed)

    def fit(names: Sequence[str], wanted: np.ndarray, penalty: float, simple: AdditiveModel) -> AdditiveModel:
        rows = np.flatnonzero(wanted)
        if len(np.unique(truth[rows])) < 2:
            return simple
        if len(rows) > FIT_PAIRS:
            rows = np.sort(random.choice(rows, FIT_PAIRS, replace=False))
        used = {name: columns[name][rows] for name in names}
        most_rows = sum(one.most_items for one in months)
        return fit_additive(used, truth[rows], is_binary=True, penalty=penalty, most_rows=most_rows)

    own = fit(OWN, ~is_new, OWN_PENALTY, FREQUENCY.own)
    return Recommender(own, fit(NEW, is_new, NEW_PENALTY, FREQUENCY.new))


def measured(
    history: PurchaseHistory, population: Population, customers: Ints
) -> Iterator[tuple[Pairs, Measures]]:  # fmt: skip
    """Yield the candidates of customers with their measures on the population's day, some customers at a time."""
    past = history.before(population.day)
    for start in range(0, len(customers), CHUNK_CUSTOMERS):
        some = customers[start : start + CHUNK_CUSTOMERS]
        own = past.of_customers(some)
        scores = score_sources(own, np.arange(len(some)), population)
        pairs = list_candidates(own, scores, population)
        yield Pairs(some[pairs.customer], pairs.item), measure_pairs(pairs, own, scores, population)
