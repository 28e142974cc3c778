"""Measures releases of three tables that differ from Adult: python -m bench.anonymity.second [TABLE ...] [--quick].

The tables are households of a shop, customers over Korea, and visits whose few columns have many values (see
`second_table`). For each table the script prints:

- the loss at the default effort, compared with ANJANA's loss, with the proven lower bound (hierarchy labels) and with
  the floor of nearest neighbours
- the error of counting queries with and without `weights: queries`
- the time; one table takes up to ten minutes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.anonymity import peers
from bench.anonymity.second_table import SecondTable, customers, households, visits
from bench.claim import Claim
from bench.options import make_parser
from privacy.anonymity import Spec, anonymize
from privacy.anonymity.risk.utility import Utility, label_cover, measure_utility
from privacy.anonymity.search.local_recoding import make_problem
from privacy.anonymity.search.loss_bound import lower_bound
from privacy.anonymity.table.frequency_table import tabulate

TABLES: dict[str, Callable[[], SecondTable]] = {
    "households": households,
    "customers": customers,
    "few-customers": lambda: customers(10_000),
    "visits": visits,
}
"""Tables by name. `few-customers` is for the lower bound, which needs too much memory for all customers."""
MOST_PAIRS = 40_000_000
STEPS = 120
NEAR_BOUND, LONGEST = 1.08, 60.0
"""Largest ratio of the loss to the lower bound (Adult has 1.06 and 1.07), and longest seconds of a default run."""
QUERIES = 1500


def main() -> int:
    """Measures the named tables, by default all, and prints their claims."""
    parser = make_parser(__doc__, "python -m bench.anonymity.second")
    parser.add_argument("table", nargs="*", metavar="TABLE", help=f"some of {', '.join(TABLES)}; all by default")
    options = parser.parse_args()
    if strange := set(options.table) - set(TABLES):
        parser.error(f"there is no table {min(strange)!r}; choose from {', '.join(TABLES)}")
    anonymize(households().frame, _warm())
    for name in options.table or (["households"] if options.quick else TABLES):
        with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
            table = TABLES[name]()
            table.write(Path(folder))
            trial = _Trial(name, table, Path(folder))
            for form in ("hierarchy", "set"):
                for k in (5,) if options.quick else (5, 10, 25):
                    trial.measure(form, k)
                if not options.quick:
                    trial.measure_sensitive(form)
            trial.measure_weights()
    return 0


def _warm() -> Spec:
    """Makes a small release, so that the search is compiled before the first measurement; returns its specification."""
    columns = {"age": {"role": "quasi", "is_ordered": True}, "income": {"role": "quasi"}}
    return Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": 5}], "effort": 1})


@dataclass(frozen=True)
class _Trial:
    """Measures the releases of one table."""

    name: str
    table: SecondTable
    folder: Path

    @cached_property
    def anjana(self) -> Utility:
        """Returns the score of ANJANA's release with k=5."""
        out = self.folder / "anjana.csv"
        peers.run_anjana(self.folder, 5, out, self.table.quasi, "table")
        return self._score(pd.read_csv(out, sep=";", dtype=str, keep_default_na=False))

    def measure(self, form: str, k: int) -> None:
        """Prints the claims of a k-anonymous release."""
        spec = self.table.spec(self.folder, form, [{"name": "k_anonymity", "k": k}])
        subject = f"{self.name}, {form} labels, k={k}"
        found = self._release(spec, subject)
        if k == 5:
            other = self.anjana.certainty_penalty
            Claim(f"loss, {subject}", found.certainty_penalty, "NCP", other, "ANJANA", 1.0, on_ratio=True).print_json()
            other = self.anjana.query_error_median
            Claim(
                f"query error, {subject}", found.query_error_median, "", other, "ANJANA", 1.0, on_ratio=True
            ).print_json()
        table = tabulate(self.table.frame, spec).table
        problem, count = make_problem(table, np.arange(len(table.count)), spec)
        floor = float(problem.floor[problem.tuple_of] @ count) / table.rows
        Claim(
            f"loss beside the floor, {subject}", found.certainty_penalty, "NCP", floor, "nearest neighbours"
        ).print_json()
        labels = np.prod([tree.height for tree in self.table.trees.values()])
        if form == "hierarchy" and len(problem.floor) * labels <= MOST_PAIRS:
            bound = lower_bound(table, problem, count, STEPS) / table.rows
            subject = f"loss beside the bound, {subject}"
            Claim(
                subject, found.certainty_penalty, "NCP", bound, "provable bound", NEAR_BOUND, on_ratio=True
            ).print_json()

    def measure_sensitive(self, form: str) -> None:
        """Prints loss and time under models of the sensitive column."""
        k5 = {"name": "k_anonymity", "k": 5}
        models: dict[str, dict[str, Any]] = {
            "l=3": {"name": "distinct_l", "l": 3},
            "t=0.2": {"name": "t_closeness", "t": 0.2},
        }
        for case, model in models.items():
            spec = self.table.spec(self.folder, form, [k5, {**model, "column": self.table.secret}])
            subject = f"{self.name}, {form} labels, {case}"
            Claim(f"loss, {subject}", self._release(spec, subject).certainty_penalty, "NCP").print_json()

    def measure_weights(self) -> None:
        """Prints the errors of counting queries on a release with `weights: queries`, set labels and k=5."""
        models = [{"name": "k_anonymity", "k": 5}]
        plain = self._release(self.table.spec(self.folder, "set", models), f"{self.name}, plain weights")
        spec = self.table.spec(self.folder, "set", models, weights="queries")
        weighed = self._release(spec, f"{self.name}, weights: queries")
        subject, other = f"{self.name}, set labels, k=5, weights: queries", "plain weights"
        Claim(f"query error, {subject}", weighed.query_error_median, "", plain.query_error_median, other).print_json()
        Claim(f"mean query error, {subject}", weighed.query_error_mean, "", plain.query_error_mean, other).print_json()
        Claim(f"loss, {subject}", weighed.certainty_penalty, "NCP", plain.certainty_penalty, other).print_json()

    def _release(self, spec: Spec, subject: str) -> Utility:
        """Makes a release, checks its time and its k, and returns its scores."""
        start = time.perf_counter()
        published = anonymize(self.table.frame, spec).table
        Claim(f"time, {subject}", time.perf_counter() - start, "s", bar=LONGEST).print_json()
        if int(published.groupby(list(self.table.quasi)).size().min()) < spec.k:
            raise SystemExit(
                f"release {subject} breaks k-anonymity, so nothing was measured: a class has fewer than {spec.k} rows"
            )
        return self._score(published)

    def _score(self, published: pd.DataFrame) -> Utility:
        """Returns the scores of a published table, from its labels. Rows that are all `*` count as suppressed."""
        quasi, raw = list(self.table.quasi), self.table.frame
        kept = published[(published[quasi] != "*").any(axis=1)]
        cover = {name: label_cover(raw[name], list(kept[name].unique()), self.table.trees[name].rows) for name in quasi}
        return measure_utility(raw, kept, cover, QUERIES)


if __name__ == "__main__":
    sys.exit(main())
