"""Measures what a trained model is worth to each site of this installation, on customers that no round trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import NormalDist
from typing import Any

import numpy as np

from federated.checkpoint import Checkpoint
from federated.pooled import pool, states, train
from federated.schema import SiteTable
from federated.worth.contribution import Contribution, leave_one_out, shapley, training_value
from federated.worth.curve import learning_curve
from federated.worth.difference import CONFIDENCE, has_enough
from federated.worth.holdout import split_by_customer
from federated.worth.metric import auc
from federated.worth.report import WorthReport, make_report
from federated.worth.site_worth import Trained, evaluate_site
from pipelines.errors import TrainingError
from pipelines.federated.feature_site import FeatureSite

MOST_TRAININGS = 64
"""Contributions are computed while they need at most so many trainings: all groups of six sites."""


@dataclass(frozen=True)
class NewestDay:
    """The model on rows of the newest day whose outcome is known: later than every row that it was trained on.

    `low` and `high` are the interval of the AUC at 95 %; None with too few customers.
    """

    customers: int
    auc: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a model: its worth to each site, and its figures on the newest day."""

    model: str
    title: str
    run: str
    worth: WorthReport
    newest: NewestDay

    def to_json(self) -> str:
        """Return the evaluation as JSON; missing numbers are null."""
        own = {"model": self.model, "title": self.title, "run": self.run, "newest_day": asdict(self.newest)}
        body: dict[str, Any] = {**own, **json.loads(self.worth.to_json())}
        return json.dumps(_without_nan(body), indent=1)


def evaluate(found: Checkpoint, sites: Sequence[FeatureSite]) -> Evaluation:
    """Return the evaluation of a trained model over the sites of this installation.

    The rows of the sites may be compared here, because they lie in one installation: the central model and the
    contributions need that. Sites of other companies are asked by `federated.worth.gather` instead. The figures have
    no noise, also when the model was trained with noise; then no model is trained anew for a comparison.

    Raises:
        TrainingError: the run held out no customers, or its task predicts no outcome.
        FederatedError: a site cannot read its rows.
    """
    plan, task = found.plan, found.plan.task
    if not getattr(task, "predicts_target", True):
        raise TrainingError(f"Task {task.name!r} predicts no outcome, so its worth to a site cannot be measured.")
    if not plan.held_share:
        raise TrainingError(f"The run {plan.run} held out no customers; declare `held_share`, and train again.")
    split = {site.name: split_by_customer(site.read(plan.schema), plan.held_share) for site in sites}
    fit, held = ({name: parts[side] for name, parts in split.items()} for side in (0, 1))
    more: dict[str, Any] = {}
    central = None
    if plan.privacy is None and len(sites) > 1:
        central = train(task, [pool(list(fit.values()))], plan.sites_max, plan.rounds_max)
        after = list(islice(states(task, list(fit.values()), plan.sites_max, plan.rounds_max), plan.rounds_max))
        more = {"curve": learning_curve(task, after, held), "contributions": _contributions(found, fit, held)}
    elif plan.privacy is not None:
        more = {"notes": ("The model was trained with noise. The figures have none, so they are for the sites alone.",)}
    trained = Trained(task, found.state, central, plan.rounds_max)
    worths = [evaluate_site(name, trained, fit[name], held[name]) for name in fit]
    report = make_report(plan.schema.target.kind, worths, **more)
    release = sites[0].release
    return Evaluation(release.name, release.title, plan.run, report, _newest_day(found, sites))


def _contributions(
    found: Checkpoint, fit: Mapping[str, SiteTable], held: Mapping[str, SiteTable]
) -> tuple[Contribution, ...]:
    usable = [one for one in held.values() if has_enough(one.target, one.customer, is_binary=True)]
    names = sorted(fit)
    if not usable or len(names) < 2 or len(names) >= MOST_TRAININGS:
        return ()
    value = training_value(found.plan.task, fit, held, found.plan.rounds_max)
    return shapley(names, value) if 2 ** len(names) <= MOST_TRAININGS else leave_one_out(names, value)


def _newest_day(found: Checkpoint, sites: Sequence[FeatureSite]) -> NewestDay:
    tables = [split_by_customer(site.read_test(found.plan.schema), found.plan.held_share)[1] for site in sites]
    rows = pool(tables)
    customers = len(np.unique(rows.customer.astype(str)))
    if not has_enough(rows.target, rows.customer, is_binary=True):
        return NewestDay(customers, None, None, None)
    value, influence = auc(found.plan.task.predict(found.state, rows.features), rows.target)
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * float(np.sqrt((influence**2).sum()))
    return NewestDay(customers, value, max(0.0, value - reach), min(1.0, value + reach))


def _without_nan(value: Any) -> Any:
    """Return the value with null for numbers that are not finite, which JSON does not know."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(one) for key, one in value.items()}
    return [_without_nan(one) for one in value] if isinstance(value, list | tuple) else value
