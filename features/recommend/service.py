"""The service of recommendations: lists of items for one customer, or for anybody. Commands and HTTP add no rule."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import numpy as np

from features.experiment.service import Experiments
from features.policy.errors import UnknownPolicyError
from features.policy.service import Decision, PolicyService
from features.recommend.choice import choose
from features.recommend.context import CONTEXTS, context_of
from features.recommend.errors import PolicyMismatchError, UnknownContextError
from features.recommend.history import Floats
from features.recommend.objective import AUTOMATIC, Objective, objective_named, read_objectives
from features.recommend.reason import TRAITS
from features.recommend.shelf import Shelf, ShelfReader
from features.retrieval.answer import Caller, FeatureValue, Reason
from features.retrieval.moment import ShopClock
from features.retrieval.reader import FeatureReader
from features.rollout.service import Rollouts
from installation.installation import Installation

SUBJECT = POLICY = "recommendation"
"""Subject of experiments and rollouts that choose the version, and name of the policy that chooses the objective."""
SERVICE, PURPOSE = "recommended_list", "personalisation"
POPULAR = "popularity/1"
"""Version of the lists that are the same for everybody: by popularity, context and objective."""
RELEVANCE = "relevance"
"""The objective without a policy."""
MOST_ITEMS = 40
NO_CUSTOMER, NO_DATA = "no_customer", "no_data"
"""Reasons for a list for everybody, beside those of `Reason`."""
_STRONG_LIFT, _STRONG_TRAIT = 0.2, 0.5


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        customer: id of the customer; None for a list for anybody.
        count: most items, 1 to `MOST_ITEMS`.
        objective: name of a declared objective, or `AUTOMATIC`.
        context: one of `CONTEXTS`; None: that of the moment.
    """

    customer: str | None = None
    count: int = 10
    objective: str = AUTOMATIC
    context: str | None = None


@dataclass(frozen=True)
class Recommended:
    """One item. `price`: USD, None where unknown. `is_new`: None on a list for everybody."""

    item: str
    product_type: str | None
    product_category: str | None
    price: float | None
    is_new: bool | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RecommendationList:
    """The answer.

    Attributes:
        items: the first one is the best.
        is_personal: whether it was made of the customer's purchases.
        not_personal: why not: `NO_CUSTOMER`, `NO_DATA` or a reason of `Reason`; None for a personal list.
        version: named version that made the list.
        objective: name of the objective.
        decision: key for the reward of the objective that a policy chose; None without one.
        context: one of `CONTEXTS`.
    """

    items: tuple[Recommended, ...]
    is_personal: bool
    not_personal: str | None
    version: str
    objective: str
    decision: str | None
    context: str


@dataclass(frozen=True)
class _Candidates:
    """The candidates of a customer with their scores by version."""

    items: Sequence[str]
    is_new: np.ndarray
    scores: dict[str, Floats]
    reasons: Sequence[str]
    numbers: dict[str, float]


class Recommendations:
    """The recommendations of one installation. Safe under threads; close it at the end."""

    def __init__(
        self, installation: Installation, features: FeatureReader, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`features`: the consent-gated retrieval, which stays open when this is closed."""
        self._installation, self._features = installation, features
        self._shelf = ShelfReader(installation.lakehouse, monotonic)
        self._clock = ShopClock(installation)
        self.objectives = read_objectives(installation.settings.contract_dirs)
        self._experiments, self._rollouts = Experiments(installation), Rollouts(installation)
        self._policies = PolicyService(installation)

    def close(self) -> None:
        """Close the stores."""
        for part in (self._experiments, self._rollouts, self._policies):
            part.close()

    def recommend(self, wanted: Wanted, caller: Caller) -> RecommendationList:
        """Return a list of items.

        A customer's purchases are used only if the customer permits `PURPOSE` now; the read is in the audit log before
        this returns. For others, and without a customer, the list is by popularity and context: no profile is read,
        nothing is logged about the customer, and no experiment, rollout or policy takes part.

        Raises:
            UnknownObjectiveError: no such objective.
            UnknownContextError: no such context.
            PolicyMismatchError: the policy does not fit the objectives, or what a request knows.
            AccessRefused: the caller may not use the purpose.
            RetrievalFailed: the online store, the consent record or the audit log failed.
            LakehouseError: the items cannot be read.
        """
        return self._answer(wanted, caller, serves=True)

    def explain(self, wanted: Wanted, caller: Caller) -> RecommendationList:
        """Return the list of the newest version, as `recommend`; no experiment, rollout or policy takes part."""
        return self._answer(wanted, caller, serves=False)

    def reward(self, decision: str, value: float, caller: Caller) -> bool:
        """Store the reward of a decision, see `PolicyService.reward`.

        Raises:
            AccessRefused: the caller may not use the purpose.
            ContextError: the value is no finite number.
        """
        self._features.require(SERVICE, PURPOSE, caller)
        return self._policies.reward(decision, value)

    def _answer(self, wanted: Wanted, caller: Caller, *, serves: bool) -> RecommendationList:
        if wanted.objective != AUTOMATIC:
            objective_named(wanted.objective, self.objectives)
        context = self._context(wanted.context)
        if wanted.customer is None:
            return self._popular(wanted, context, NO_CUSTOMER)
        # Before the consent is looked at, so that a caller who may not ask learns nothing about the customer.
        self._features.require(SERVICE, PURPOSE, caller)
        if not self._features.permits(wanted.customer, PURPOSE):
            return self._popular(wanted, context, Reason.NO_CONSENT)
        found = self._candidates(wanted.customer, caller)
        if isinstance(found, str):
            return self._popular(wanted, context, found)
        if serves:
            return self._served(wanted, wanted.customer, found, context)
        return self._personal(wanted, found, next(iter(found.scores)), (self._usual(wanted), None), context)

    def _served(self, wanted: Wanted, customer: str, found: _Candidates, context: int) -> RecommendationList:
        """Return the list of the version and the objective that are chosen for a customer, and count the call."""
        started = time.perf_counter()
        newest = next(iter(found.scores))
        version, shadow = self._version(customer, newest)
        if version == POPULAR:
            # A variant of an experiment: the customer permits the purpose, and gets the list for everybody.
            answer = self._popular(wanted, context, None)
        else:
            objective = self._objective(wanted, customer, found)
            is_known = version in found.scores
            answer = self._personal(wanted, found, version if is_known else newest, objective, context)
            if not is_known:
                self._rollouts.record(SUBJECT, version, errors=1, customer=customer)
        seconds = [time.perf_counter() - started]
        self._rollouts.record(SUBJECT, answer.version, seconds=seconds, customer=customer)
        if shadow is not None and shadow in found.scores:
            with self._shadow(shadow, customer) as counts:
                other = self._listed(wanted, found, shadow, self.objectives[answer.objective], context)
                counts["difference"] = int([one.item for one in other] != [one.item for one in answer.items])
        return answer

    def _personal(
        self, wanted: Wanted, found: _Candidates, version: str, objective: tuple[str, str | None], context: int
    ) -> RecommendationList:
        """Return the list of a version; `objective`: its name, and the key of the decision of a policy."""
        items = self._listed(wanted, found, version, self.objectives[objective[0]], context)
        return RecommendationList(items, True, None, version, *objective, CONTEXTS[context])

    @contextmanager
    def _shadow(self, version: str, customer: str) -> Iterator[dict[str, int]]:
        """Count a call in shadow: its time, what the block counts, and whether it failed. It never fails a request."""
        counts: dict[str, int] = {}
        started, errors = time.perf_counter(), 0
        try:
            yield counts
        except (ArithmeticError, LookupError, ValueError):
            errors = 1
        seconds = [time.perf_counter() - started]
        self._rollouts.record(
            SUBJECT, version, errors=errors, seconds=seconds, customer=customer, is_shadow=True, counts=counts
        )

    def _version(self, customer: str, newest: str) -> tuple[str, str | None]:
        """Return the version that serves a customer, and the one in shadow, by an experiment, a rollout or age."""
        for experiment in self._experiments.running(SUBJECT):
            variant = self._experiments.assign(experiment.name, [customer])[0]
            if variant is not None:
                return next(one.version for one in experiment.variants if one.name == variant), None
        serving = self._rollouts.serving(SUBJECT, customer)
        return (newest, None) if serving is None else (serving.version, serving.shadow_version)

    def _objective(self, wanted: Wanted, customer: str, found: _Candidates) -> tuple[str, str | None]:
        """Return the name of the objective, and the key of the decision if a policy chose it."""
        decision = self._decide(customer, found) if wanted.objective == AUTOMATIC else None
        return (self._usual(wanted), None) if decision is None else (decision.arm, decision.decision_id)

    def _usual(self, wanted: Wanted) -> str:
        """Return the name of the objective that is asked for; without one, that of the relevance or the first one."""
        if wanted.objective != AUTOMATIC:
            return wanted.objective
        return RELEVANCE if RELEVANCE in self.objectives else next(iter(self.objectives))

    def _decide(self, customer: str, found: _Candidates) -> Decision | None:
        try:
            definition = self._policies.live(POLICY).definition
        except UnknownPolicyError:
            return None
        # Before the choice, so that no decision is logged that nobody sees.
        for names, known in ((definition.arms, self.objectives), (definition.context, found.numbers)):
            if unknown := [name for name in names if name not in known]:
                raise PolicyMismatchError(unknown[0], known)
        return self._policies.choose(POLICY, customer, [found.numbers[name] for name in definition.context])

    def _candidates(self, customer: str, caller: Caller) -> _Candidates | str:
        """Return the candidates of a customer, or the reason why there are none."""
        answer = self._features.retrieve([customer], SERVICE, PURPOSE, caller)
        row = answer.customers[0]
        names = [name.partition(":")[2] for name in answer.features]
        values = dict(zip(names, row.values, strict=True))
        reasons = dict(zip(names, row.reasons, strict=True))
        if (withheld := reasons["item_ids"]) is not None:
            # The customer is known to the consent record, and has no row of purchases.
            return NO_DATA if withheld is Reason.UNKNOWN_CUSTOMER else withheld
        items, versions, scores = (_listed(values[name]) for name in ("item_ids", "versions", "scores"))
        if not items:
            return NO_DATA
        table = np.array(scores, np.float64).reshape(len(versions), len(items))
        numbers = {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
        numbers |= {name: 0.0 for name, value in values.items() if value is None}
        hour = self._clock.now().wall_time.hour
        return _Candidates(
            items, np.array(_listed(values["is_new"]), np.int64) > 0, dict(zip(versions, table, strict=True)),
            _listed(values["reasons"]), numbers | {"hour": float(hour)},
        )  # fmt: skip

    def _listed(
        self, wanted: Wanted, found: _Candidates, version: str, objective: Objective, context: int
    ) -> tuple[Recommended, ...]:
        shelf = self._shelf.newest()
        # The last place is that of an item that few customers buy: it has no trait and no lift.
        place = np.array([shelf.place.get(one, len(shelf.items)) for one in found.items])
        bonus = np.append(objective.bonus(shelf.traits), 0.0)[place]
        lift = np.append(shelf.lifts[:, context], 0.0)[place]
        chosen = choose(found.scores[version] + bonus + lift, found.is_new, wanted.count, objective.new_slots)
        return tuple(
            self._item(
                shelf, found.items[one], bool(found.is_new[one]), found.reasons[one].split(","), objective, context
            )
            for one in chosen.tolist()
        )  # fmt: skip

    def _popular(self, wanted: Wanted, context: int, why: str | None) -> RecommendationList:
        name = self._usual(wanted)
        objective, shelf = self.objectives[name], self._shelf.newest()
        items = tuple(
            self._item(shelf, shelf.items[one], None, ["popularity"], objective, context)
            for one in shelf.popular(objective, context)[: wanted.count]
        )
        return RecommendationList(items, False, why, POPULAR, name, None, CONTEXTS[context])

    @staticmethod
    def _item(
        shelf: Shelf, item: str, is_new: bool | None, reasons: Sequence[str], objective: Objective, context: int
    ) -> Recommended:  # fmt: skip
        place = shelf.place.get(item)
        if place is None:
            return Recommended(item, None, None, None, is_new, tuple(filter(None, reasons)))
        weighed = (name for name in TRAITS if getattr(objective, name) and shelf.traits[name][place] > _STRONG_TRAIT)
        more = [TRAITS[name] for name in weighed]
        if shelf.lifts[place, context] > _STRONG_LIFT:
            more.append("time_of_day")
        told = tuple(dict.fromkeys(one for one in chain(reasons, more) if one))
        price = None if np.isnan(shelf.prices[place]) else round(float(shelf.prices[place]), 2)
        return Recommended(item, shelf.types[place], shelf.categories[place], price, is_new, told)

    def _context(self, name: str | None) -> int:
        if name is None:
            return context_of(self._clock.now().wall_time)
        if name not in CONTEXTS:
            raise UnknownContextError(name, CONTEXTS)
        return CONTEXTS.index(name)


def _listed(value: FeatureValue | None) -> list[str]:
    return list(value) if isinstance(value, list) else []  # type: ignore[arg-type]
