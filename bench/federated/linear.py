"""Compares a federated logistic regression with a central fit and with plain federated averaging, on unlike sites.

The central fit is scikit-learn's on the pooled rows, with the same penalty. Federated averaging is the usual one: local
epochs of stochastic gradient descent, and an average weighted by rows. A round's overhead is its processor time without
that of the sites' sums.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bench.claim import Claim, of_runs
from bench.federated.unlike_sites import SCHEMA, UnlikeSite, unlike_sites
from bench.options import make_parser
from federated.glm import Glm
from federated.local_run import run_local
from federated.plan import Plan
from federated.schema import SiteTable

Floats = NDArray[np.float64]
RUNS = 7
AVERAGING_ROUNDS, EPOCHS, BATCH, LEARNING_RATE = 20, 1, 32, 0.1


class TimedSite:
    """A site in memory that adds up the processor time of its reads; the task's time is measured apart."""

    def __init__(self, site: UnlikeSite) -> None:
        self.name, self._table = site.name, site.train

    def read(self, schema: object) -> SiteTable:
        """Returns the rows."""
        return self._table

    def debit(self, run: str, round_number: int, rho: float) -> None:
        """Debits nothing: these runs have no noise."""


def measure_linear(count: int, seed: int) -> list[Claim]:
    """Returns the claims for a number of unlike sites."""
    sites, task = unlike_sites(count, seed), Glm()
    plan = Plan("linear", task, SCHEMA, sites_min=min(count, 2), sites_max=64, is_secure=False)
    overheads = []
    for _ in range(RUNS):
        started = time.process_time()
        outcome = run_local(plan, [TimedSite(site) for site in sites], config={"secure-only": False, "sites-min": 1})
        used = (time.process_time() - started) / len(outcome.history)
        overheads.append((used - _seconds_of_sums(task, plan, sites)) * 1000)
    x = np.concatenate([SCHEMA.scaled(site.train.features) for site in sites])
    y = np.concatenate([site.train.target for site in sites])
    held = np.concatenate([site.test.features for site in sites])
    truth = np.concatenate([site.test.target for site in sites])
    central = LogisticRegression(C=1 / task.ridge, tol=1e-12, max_iter=10_000).fit(x, y)
    auc_central = roc_auc_score(truth, central.decision_function(SCHEMA.scaled(held)))
    auc = roc_auc_score(truth, task.predict(outcome.state, held))
    averaged = roc_auc_score(truth, _decide(_averaged(sites), SCHEMA.scaled(held)))
    name = f"{count} unlike sites"
    return [
        Claim(f"|AUC - central|, {name}", abs(auc - auc_central), "AUC", abs(averaged - auc_central),
              f"FedAvg, {AVERAGING_ROUNDS} rounds", bar=1e-5),
        Claim(f"rounds until converged, {name}", len(outcome.history), "rounds", bar=7),
        of_runs(f"processor time of a round beyond training, {name}", overheads, "ms", bar=20),
    ]  # fmt: skip


def _seconds_of_sums(task: Glm, plan: Plan, sites: Sequence[UnlikeSite]) -> float:
    state = task.start(plan.schema)
    started = time.process_time()
    for site in sites:
        task.contribute(state, site.train)
    return time.process_time() - started


def _averaged(sites: Sequence[UnlikeSite]) -> Floats:
    """Returns the coefficients of plain federated averaging; the first is the intercept."""
    source, rows = np.random.default_rng(0), np.array([len(site.train) for site in sites], dtype=np.float64)
    common = np.zeros(len(SCHEMA.columns) + 1)
    for _ in range(AVERAGING_ROUNDS):
        local = np.array([_local_epochs(common.copy(), site.train, source) for site in sites])
        common = (rows / rows.sum()) @ local
    return common


def _local_epochs(beta: Floats, table: SiteTable, source: np.random.Generator) -> Floats:
    x = np.column_stack([np.ones(len(table)), SCHEMA.scaled(table.features)])
    for _ in range(EPOCHS):
        order = source.permutation(len(table))
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            error = 1 / (1 + np.exp(-x[part] @ beta)) - table.target[part]
            beta = beta - LEARNING_RATE * x[part].T @ error / len(part)
    return beta


def _decide(beta: Floats, features: Floats) -> Floats:
    score: Floats = beta[0] + features @ beta[1:]
    return score


def main() -> None:
    """Measure and print each claim."""
    options = make_parser(__doc__).parse_args()
    for count in (5,) if options.quick else (5, 50):
        for claim in measure_linear(count, seed=7):
            claim.print_json()


if __name__ == "__main__":
    main()
