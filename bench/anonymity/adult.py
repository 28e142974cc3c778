"""Reads the Adult table, specifies its releases, and scores the published table of every tool alike."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from privacy.anonymity import Spec
from privacy.anonymity.risk.utility import label_cover

QUASI = ("sex", "age", "race", "marital-status", "education", "native-country", "workclass")
SECRET = "occupation"
DEFAULT = Path("..") / "shared" / "data" / "adult"


def add_data(parser: argparse.ArgumentParser) -> None:
    """Adds the option `--data`, the folder of the Adult table, to a script's parser."""
    subject = "folder with adult.csv and its hierarchies (usually ../shared/data/adult)"
    parser.add_argument("--data", type=Path, default=DEFAULT, help=subject)


def data_folder(options: argparse.Namespace) -> Path:
    """Returns the folder with adult.csv and its hierarchies; ends the script when they are missing."""
    folder: Path = options.data
    if not (folder / "adult.csv").exists():
        raise SystemExit(f"no adult.csv in {folder}; name its folder with --data")
    return folder


def read_adult(folder: Path) -> pd.DataFrame:
    """Returns the 30,162 complete rows as text."""
    return pd.read_csv(folder / "adult.csv", sep=";", dtype=str, keep_default_na=False)


def make_spec(folder: Path, form: str, models: list[dict[str, Any]], **limits: Any) -> Spec:
    """Returns the specification of a release with hierarchy labels (`form` hierarchy) or set and range labels (set)."""
    columns: dict[str, dict[str, Any]] = {}
    for name in QUASI:
        file = {"kind": "file", "file": folder / f"adult_hierarchy_{name}.csv"}
        tree = file if form == "hierarchy" else {}
        columns[name] = {"role": "quasi", "is_ordered": name == "age", "hierarchy": tree}
    columns[SECRET] = {"role": "sensitive"}
    return Spec.model_validate({"columns": columns, "models": models, **limits})


@dataclass(frozen=True)
class Score:
    """The measured values of a release."""

    loss: float
    suppressed: float
    k: int
    distinct_l: int
    t: float
    query_error: float


def evaluate(raw: pd.DataFrame, out: pd.DataFrame, folder: Path, queries: int = 500, seed: int = 7) -> Score:
    """Scores a published table; rows that are missing from it count as suppressed.

    A label is a value, a node of a hierarchy, `*`, a set `{a|b}` or a range `[a-b]`.

    Loss: mean over cells of (values covered - 1) / (values - 1).

    A query counts the rows that have given values in three random columns: 40 % of the values of each column (for the
    age, consecutive values). A published row is spread evenly over the values that its labels cover.
    """
    rows = len(raw)
    losses, shares, codes, truth = [], [], [], []
    for name in QUASI:
        paths = [line.split(";") for line in (folder / f"adult_hierarchy_{name}.csv").read_text().splitlines() if line]
        cover = label_cover(raw[name], list(out[name].unique()), paths)
        values = sorted(raw[name].unique())
        code, labels = pd.factorize(out[name])
        inside = np.array([[value in cover[label] for value in values] for label in labels], float)
        losses.append(((inside.sum(1) - 1) / max(len(values) - 1, 1))[code])
        shares.append(inside / inside.sum(1, keepdims=True))
        codes.append(code)
        truth.append(raw[name].map({value: i for i, value in enumerate(values)}).to_numpy())
    loss = np.stack(losses, 1)
    is_kept = ~(loss >= 1 - 1e-12).all(1)
    dropped = rows - int(is_kept.sum())
    group = out[is_kept].groupby(list(QUASI), sort=False).ngroup().to_numpy()
    secret, names = pd.factorize(out[SECRET].to_numpy()[is_kept])
    hist = np.zeros((int(group.max()) + 1, len(names)))
    np.add.at(hist, (group, secret), 1)
    prior = raw[SECRET].value_counts(normalize=True).reindex(names).to_numpy()
    return Score(
        loss=float((loss[is_kept].mean(1).sum() + dropped) / rows),
        suppressed=dropped / rows,
        k=int(hist.sum(1).min()),
        distinct_l=int((hist > 0).sum(1).min()),
        t=float((0.5 * np.abs(hist / hist.sum(1, keepdims=True) - prior).sum(1)).max()),
        query_error=_query_error(raw, shares, codes, truth, queries, seed),
    )


def _query_error(
    raw: pd.DataFrame, shares: list[Any], codes: list[Any], truth: list[Any], queries: int, seed: int
) -> float:
    """Returns the median relative error of random counting queries."""
    random = np.random.default_rng(seed)
    rows, errors = len(raw), []
    for _ in range(queries):
        estimate, real = np.ones(len(codes[0])), np.ones(rows, bool)
        for j in random.choice(len(QUASI), 3, replace=False):
            values = sorted(raw[QUASI[j]].unique())
            size = len(values)
            if QUASI[j] == "age":
                ranked = np.argsort([int(value) for value in values])
                length = max(1, int(0.4 * size))
                start = random.integers(0, size - length + 1)
                chosen = ranked[start : start + length]
            else:
                chosen = random.choice(size, max(1, int(np.ceil(0.4 * size))), replace=False)
            wanted = np.zeros(size)
            wanted[chosen] = 1
            estimate *= (shares[j] @ wanted)[codes[j]]
            real &= wanted[truth[j]].astype(bool)
        errors.append(abs(estimate.sum() - real.sum()) / max(real.sum(), 0.001 * rows))
    return float(np.median(errors))
