"""Measures what federated models are worth to unlike sites: against local and central ones, with the local offset."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

import numpy as np
from scipy.stats import ttest_1samp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from bench.claim import Claim, of_runs
from bench.federated.unlike_sites import UnlikeSite, unlike_sites
from bench.options import make_parser, runs_of
from federated.glm import Glm
from federated.network import Network
from federated.pooled import pool, train
from federated.task import Task
from federated.trees.boosting import BoostedTrees
from federated.worth.contribution import shapley, training_value
from federated.worth.difference import significant
from federated.worth.report import Comparison, WorthReport, make_report
from federated.worth.site_worth import FEDERATED, LOCAL, OFFSET, Trained, evaluate_site

CURVED = 0.5
DRAWS = 12
"""Draws of the logistic model. Trees and networks take a third, because their local models take minutes."""
SEED = 7
TASKS: dict[str, tuple[Task, float]] = {
    "logistic model": (Glm(), 0.0),
    "boosted trees": (BoostedTrees(trees=40), CURVED),
    "network": (Network(), CURVED),
}


def measure_worth(count: int, draws: int) -> list[Claim]:
    """Returns the claims of each model over so many sites; each draw has other customers of the same sites."""
    claims = []
    for name, (task, curved) in TASKS.items():
        own_draws = draws if isinstance(task, Glm) else max(2, draws // 3)
        claims += _measure_task(f"{name}, {count} unlike sites", task, count, curved, own_draws)
    return claims


def measure_sets(count: int, sets: int) -> list[Claim]:
    """Returns how much worse local models are over other sets of sites, for the logistic model."""
    claims = []
    for better in (FEDERATED, OFFSET):
        above = []
        for seed in range(sets):
            found = report_of(unlike_sites(count, seed), TASKS["logistic model"][0]).comparison(better, LOCAL)
            above.append(-found.mean.gain if found.mean else 0.0)
        what = f"mean AUC of local models above {better}, logistic model, sets of {count} unlike sites"
        claims.append(of_runs(what, above, "AUC", bar=0.0))
    return claims


def report_of(sites: Sequence[UnlikeSite], task: Task) -> WorthReport:
    """Returns the report of a model that the sites train."""
    trained = Trained(task, train(task, [site.train for site in sites]))
    figures = [evaluate_site(site.name, trained, site.train, site.test) for site in sites]
    return make_report("binary", figures)


def _measure_task(what: str, task: Task, count: int, curved: float, draws: int) -> list[Claim]:
    claims = []
    reports = [report_of(unlike_sites(count, SEED, draw=draw, curved=curved), task) for draw in range(draws)]
    for better in (FEDERATED, OFFSET):
        found = [one.comparison(better, LOCAL) for one in reports]
        above = [-one.mean.gain for one in found if one.mean]
        claims += [of_runs(f"mean AUC of local models above {better}, {what}", above, "AUC", bar=0.0)]
        own = [float(len(one.worse) + len(one.maybe_worse)) for one in found]
        claims += [of_runs(f"sites whose own interval has {better} below local, {what}", own, f"of {count}")]
        together = [float(len(one.worse)) for one in found]
        claims += [of_runs(f"the same, over all sites together (Holm), {what}", together, f"of {count}")]
        bar = 0.0 if better == OFFSET else None
        lost = float(_losing(found, [site.site for site in reports[0].sites]))
        claim = f"sites where {better} is below local in the mean over draws of customers, significantly, {what}"
        claims += [Claim(claim, lost, f"of {count}", bar=bar, runs=draws)]
    return claims


def _losing(comparisons: Sequence[Comparison], sites: Sequence[str]) -> int:
    """Returns how many sites lose in the mean over independent draws of all customers (t-test, Holm over the sites).

    One draw's interval takes the trained models as given. It calls a site worse also when its local model was lucky.
    """
    gains = {site: [one.gains[site] for one in comparisons if site in one.gains] for site in sites}
    tests = {site: ttest_1samp(values, 0.0) for site, values in gains.items() if len(values) > 1}
    is_sure = significant([float(test.pvalue) for test in tests.values()])
    return sum(sure and test.statistic < 0 for sure, test in zip(is_sure, tests.values(), strict=True))


def measure_trees(seeds: int) -> list[Claim]:
    """Returns how trees of sites compare with trees of the pooled rows and with scikit-learn's on the same rows."""
    task = BoostedTrees()
    apart, short, ours, theirs = [], [], [], []
    for seed in range(seeds):
        sites = unlike_sites(5, seed, curved=CURVED)
        whole, held = pool([site.train for site in sites]), pool([site.test for site in sites])
        started = time.perf_counter()
        federated = train(task, [site.train for site in sites])
        ours.append(time.perf_counter() - started)
        central = train(task, [whole])
        apart.append(float(sum(not np.array_equal(federated[name], central[name]) for name in central)))
        started = time.perf_counter()
        peer = HistGradientBoostingClassifier(
            max_iter=task.trees, learning_rate=task.learning_rate, max_depth=task.depth, max_leaf_nodes=None,
            max_bins=task.bins, l2_regularization=task.ridge, min_samples_leaf=int(task.rows_min), random_state=seed,
            early_stopping=True, n_iter_no_change=task.patience,
        ).fit(whole.features, whole.target)  # fmt: skip
        theirs.append(time.perf_counter() - started)
        score = roc_auc_score(held.target, task.predict(federated, held.features))
        short.append(float(roc_auc_score(held.target, peer.predict_proba(held.features)[:, 1]) - score))
    peer_name = "scikit-learn HistGradientBoosting, central"
    return [
        of_runs("arrays of federated trees that differ from central ones in any bit", apart, "arrays", bar=0.0),
        of_runs(f"AUC of {peer_name} above federated trees", short, "AUC", bar=0.005),
        of_runs("fit of federated trees, 5 sites in one process", ours, "s", others=theirs, peer=peer_name),
    ]


def measure_poison(seeds: int) -> list[Claim]:
    """Returns how often inverted outcomes of a site give it the lowest Shapley value, and what they cost the others."""
    missed, cost = [], []
    for seed in range(seeds):
        sites = unlike_sites(5, seed, spread=0.2)
        fit = {site.name: site.train for site in sites}
        bad = max(fit, key=lambda name: len(fit[name]))
        fit[bad] = replace(fit[bad], target=1.0 - fit[bad].target)
        value = training_value(Glm(), fit, {site.name: site.test for site in sites if site.name != bad})
        found = shapley(list(fit), value)
        missed.append(float(min(found, key=lambda one: one.value).site != bad))
        cost.append(value(frozenset(fit) - {bad}) - value(frozenset(fit)))
    claim = "runs in which an inverted site has not the lowest Shapley value"
    return [
        Claim(claim, mean(missed), "share", bar=0.0, runs=seeds),
        of_runs("AUC that the greatest of 5 sites costs the others by inverted outcomes", cost, "AUC"),
    ]


def main() -> None:
    """Measure and print each claim."""
    options = make_parser(__doc__).parse_args()
    runs = runs_of(options, DRAWS, quick=2)
    for count in (5,) if options.quick else (5, 50):
        for claim in [*measure_sets(count, runs), *measure_worth(count, runs)]:
            claim.print_json()
    for claim in [*measure_trees(max(2, runs // 2)), *measure_poison(max(2, runs // 2))]:
        claim.print_json()


if __name__ == "__main__":
    main()
