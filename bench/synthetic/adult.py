"""Measures synthetic rows of the Adult table at (1, 1e-6): scores, attacks and time, beside dpmm and SDV."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from bench.claim import Claim, of_runs
from bench.synthetic.peers import SDV_MODELS, Fitted, Peers
from privacy.synthetic.attack.attacks import inference, linkability, singling_out
from privacy.synthetic.attack.membership import distance_membership
from privacy.synthetic.evaluation.score import detection, downstream, k_marginals
from privacy.synthetic.evaluation.sdmetrics_score import sdmetrics_scores
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.specification import Category, ColumnSpec, Number, Specification
from privacy.synthetic.table_form import TableForm, independent_columns

TARGET, SECRET = "salary-class", "occupation"
ATTACKS = 5000
BARS = {"1 - SDMetrics quality": 0.015, "1000 - NIST": 66.0, "1 - AUC": 0.128, "pMSE": 0.035}
"""The largest allowed medians; the first three scores are subtracted from the best possible one."""
UNITS = {"1000 - NIST": "points"}
TIME_BAR = 0.4


@dataclass(frozen=True)
class Adult:
    """The table, divided into 24,129 rows that are learned from and 6,033 others, with its public domain."""

    train: TableForm
    test: TableForm

    @classmethod
    def read(cls, folder: Path) -> Adult:
        """Read the complete rows and the domain: values from the published hierarchies, and ages 17 to 90."""
        frame = pd.read_csv(folder / "adult.csv", sep=";").sample(frac=1, random_state=0).reset_index(drop=True)
        columns: dict[str, ColumnSpec] = {}
        for name in frame.columns:
            lines = (folder / f"adult_hierarchy_{name}.csv").read_text(encoding="utf-8").splitlines()
            values = tuple(sorted({line.split(";")[0] for line in lines if line}))
            columns[name] = Category(values=values)
        columns["age"] = Number(minimum=17, maximum=90, bins=15, decimals=0)
        specification = Specification(columns=columns)
        cut = int(0.8 * len(frame))
        parts = (pa.Table.from_pandas(part, preserve_index=False) for part in (frame[:cut], frame[cut:]))
        return cls(*(TableForm(part, specification) for part in parts))

    @property
    def specification(self) -> Specification:
        """The specification of every fit: (1, 1e-6)-differential privacy, each row a person."""
        return self.train.specification

    def form(self, table: pa.Table) -> TableForm:
        """Return rows of any generator in the form that is scored."""
        return TableForm(table, self.specification)

    def scores(self, synthetic: TableForm) -> dict[str, float]:
        """Return the scores, of which less is better."""
        quality = sdmetrics_scores(self.train, [synthetic, synthetic, synthetic])[0].synthetic
        if quality is None:
            raise SystemExit("SDMetrics is not installed; install it with: pip install sdmetrics")
        return {
            "1 - SDMetrics quality": 1 - quality,
            "1000 - NIST": 1000 - 1000 * k_marginals(self.train, synthetic, 3),
            "1 - AUC": 1 - downstream(synthetic, self.test, TARGET),
            "pMSE": detection(self.train, synthetic),
        }

    def attacks(self, synthetic: TableForm) -> dict[str, float]:
        """Return the upper bounds of the 95 % intervals of the attacks, the lower bound for salary, and the AUC."""
        forms = (self.train, self.test, synthetic)
        return {
            "singling out, upper bound": singling_out(*forms, ATTACKS).high,
            "linkability, upper bound": linkability(*forms, ATTACKS).high,
            f"inference of {SECRET}, upper bound": inference(*forms, ATTACKS, secret=SECRET).high,
            f"inference of {TARGET}, lower bound": inference(*forms, ATTACKS, secret=TARGET).low,
            "membership, AUC": distance_membership(*forms, ATTACKS).auc,
        }


ATTACK_BARS = {
    "singling out, upper bound": 0.05,
    "linkability, upper bound": 0.05,
    f"inference of {SECRET}, upper bound": 0.05,
    f"inference of {TARGET}, lower bound": 0.0,
    "membership, AUC": 0.53,
}
"""For the salary no generator can be shown to stay below .05 with so few control rows: its interval contains 0."""


def measure(folder: Path, home: Path, scratch: Path, runs: int, is_quick: bool) -> None:
    """Print the claims of references, of our model in `runs` runs, and of each peer in one run."""
    adult = Adult.read(folder)
    bootstrap = adult.train.take(np.random.default_rng(0).integers(adult.train.rows, size=adult.train.rows))
    references = {"bootstrap of the real rows": bootstrap, "independent columns": independent_columns(adult.train, 0)}
    for name, table in references.items():
        _print_scores(f"Adult, {name}", [adult.scores(table)])
    fits, scores, attacks = [], [], []
    for seed in range(runs):
        started = Fitted(time.perf_counter(), time.process_time())
        model = PrivateTable.fit(adult.train.table, adult.specification)
        fits.append(Fitted(time.perf_counter() - started.seconds, time.process_time() - started.processor))
        made = adult.form(pa.concat_tables(model.sample(adult.train.rows, seed)))
        scores.append(adult.scores(made))
        attacks.append(adult.attacks(made))
    peers = _peers(adult, home, scratch)
    peer = None if is_quick else _measure_peer(adult, "dpmm AIM", scratch, peers)
    _print_scores("Adult, marginals", scores, peer[1] if peer else None)
    for name, bar in ATTACK_BARS.items():
        of_runs(f"Adult, {name}", [one[name] for one in attacks], "", bar=bar).print_json()
    for unit in ("seconds", "processor"):
        other = [getattr(peer[0], unit)] if peer else None
        what = f"Adult, fit, {'by the clock' if unit == 'seconds' else 'processor seconds'}"
        of_runs(
            what, [getattr(one, unit) for one in fits], "s", others=other, peer="dpmm AIM" if peer else "",
            bar=TIME_BAR if peer else None, on_ratio=peer is not None,
        ).print_json()  # fmt: skip
    for name in () if is_quick else SDV_MODELS:
        fitted, found = _measure_peer(adult, name, scratch, peers)
        _print_scores(f"Adult, SDV {name}", [found])
        Claim(f"Adult, SDV {name}, fit", fitted.seconds, "s").print_json()


def _print_scores(subject: str, runs: Sequence[dict[str, float]], peer: dict[str, float] | None = None) -> None:
    for name in runs[0]:
        of_runs(
            f"{subject}, {name}", [one[name] for one in runs], UNITS.get(name, ""),
            others=[peer[name]] if peer else None, peer="dpmm AIM" if peer else "",
            bar=BARS[name] if subject.endswith("marginals") else None,
        ).print_json()  # fmt: skip


def _peers(adult: Adult, home: Path, scratch: Path) -> Peers:
    """Write the files that peers read."""
    train, domain = scratch / "train.csv", scratch / "domain.json"
    adult.train.table.to_pandas().to_csv(train, index=False)
    columns = adult.specification.columns
    kinds = {name: {"categories": list(spec.values)} for name, spec in columns.items() if isinstance(spec, Category)}
    bounds = {name: {"lower": spec.minimum, "upper": spec.maximum} for name, spec in columns.items()
              if isinstance(spec, Number)}  # fmt: skip
    domain.write_text(json.dumps({name: kinds.get(name) or bounds[name] for name in columns}))
    return Peers(home, train, domain, adult.train.rows)


def _measure_peer(adult: Adult, name: str, scratch: Path, peers: Peers) -> tuple[Fitted, dict[str, float]]:
    out = scratch / f"{name}.csv"
    fitted = peers.run_dpmm(out, 0) if name.startswith("dpmm") else peers.run_sdv(name, out, 0)
    table = pa.Table.from_pandas(pd.read_csv(out)[list(adult.specification.columns)], preserve_index=False)
    return fitted, adult.scores(adult.form(table))
