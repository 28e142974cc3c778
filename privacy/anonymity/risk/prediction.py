"""Measures how much accuracy a predictive model loses when it is trained on the release instead of the original.

Both models are scored on original rows that neither was trained on.

A published label becomes the shares of the values that it covers. An original value becomes a share of 1. So both train
the same model on the same features. Columns of many numbers are replaced by their rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.errors import SpecError
from privacy.anonymity.risk.utility import Cover
from privacy.anonymity.spec.hierarchy import sort_key
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import as_text

HELD_OUT = 0.3
SEED = 11
FEW = 30
"""Number of values above which a feature is replaced by its rank, and a numeric target is predicted by regression."""
LARGEST = 50_000
"""Most rows that are used. A model of so few features gains nothing from more."""
FEWEST = 50


@dataclass(frozen=True)
class Prediction:
    """Scores on original rows kept for testing: accuracy of a classifier, or R². `baseline` uses no features.

    `kept` is the share of the original model's gain over the baseline that the release's model keeps.
    """

    target: str
    measure: str
    baseline: float
    original: float
    released: float
    kept: float | None
    trained_on: int
    tested_on: int


def measure_prediction(original: pd.DataFrame, published: pd.DataFrame, spec: Spec, cover: Cover) -> Prediction | None:
    """Scores the prediction of `spec.target`; returns None when there is no target.

    `published` keeps the index of `original`. Features are the quasi-identifiers and the other released columns of at
    most 30 values. Rows are split by a seeded shuffle. Suppressed rows are missing from the release's training rows.

    Raises:
        SpecError: fewer than 50 rows have a target, or the target has one value.
    """
    if spec.target is None:
        return None
    known = original.index[original[spec.target].notna()]
    random = np.random.default_rng(SEED)
    chosen = known[random.permutation(len(known))[:LARGEST]]
    test, train = chosen[: int(HELD_OUT * len(chosen))], chosen[int(HELD_OUT * len(chosen)) :]
    kept = train[train.isin(published.index)]
    answer = original[spec.target]
    if len(kept) < FEWEST or answer[kept].nunique() < 2:
        raise SpecError(
            f"target {spec.target!r} cannot be learnt: {len(kept)} released rows have one, with "
            f"{answer[kept].nunique()} different values; at least {FEWEST} rows and 2 values are needed",
            column=spec.target,
        )
    shares = _shares(original, published, spec, cover)
    features = {
        "test": _features(original.loc[test], spec, shares),
        "original": _features(original.loc[train], spec, shares),
        "released": _features(published.loc[kept], spec, shares),
    }
    is_number = pd.api.types.is_numeric_dtype(answer) and answer.nunique() > FEW
    fit = _regression if is_number else _classification
    baseline, before = fit(features["original"], answer[train], features["test"], answer[test])
    _, after = fit(features["released"], answer[kept], features["test"], answer[test])
    gain = before - baseline
    share = (after - baseline) / gain if gain > 0 else None
    measure = "R²" if is_number else "accuracy"
    return Prediction(spec.target, measure, baseline, before, after, share, len(kept), len(test))


def _shares(
    original: pd.DataFrame, published: pd.DataFrame, spec: Spec, cover: Cover
) -> dict[str, Mapping[str, NDArray[np.float64]]]:
    """Returns for each column the feature vector of each value and label: the shares of the values that it covers."""
    out: dict[str, Mapping[str, NDArray[np.float64]]] = {}
    for name, column in spec.columns.items():
        if column.role == "identifying" or name in (spec.target, spec.person):
            continue
        text = as_text(original[name])
        values = sorted(text.unique(), key=sort_key)
        if name not in spec.quasi and len(values) > FEW:
            continue
        covered = {value: frozenset([value]) for value in values} | dict(cover.get(name, {}))
        place = {value: i for i, value in enumerate(values)}
        rows = {}
        for label, inside in covered.items():
            places = [place[value] for value in inside]
            if len(values) > FEW:
                rows[label] = np.array([np.mean(places) / len(values)])
            else:
                rows[label] = np.zeros(len(values))
                rows[label][places] = 1 / max(len(places), 1)
        out[name] = rows
    return out


def _features(
    frame: pd.DataFrame, spec: Spec, shares: Mapping[str, Mapping[str, NDArray[np.float64]]]
) -> NDArray[np.float64]:
    parts = []
    for name, rows in shares.items():
        code, labels = pd.factorize(as_text(frame[name]))
        parts.append(np.stack([rows[label] for label in labels])[code])
    return np.concatenate(parts, 1)


def _classification(
    x: NDArray[np.float64], y: pd.Series, x_test: NDArray[np.float64], y_test: pd.Series
) -> tuple[float, float]:
    """Returns two accuracies: of always guessing the most frequent value, and of a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=300).fit(x, y.astype(str))
    commonest = y.astype(str).mode().iloc[0]
    return float((y_test.astype(str) == commonest).mean()), float(model.score(x_test, y_test.astype(str)))


def _regression(
    x: NDArray[np.float64], y: pd.Series, x_test: NDArray[np.float64], y_test: pd.Series
) -> tuple[float, float]:
    """Returns two R²: of always guessing the mean, which is 0, and of a ridge regression."""
    from sklearn.linear_model import Ridge

    return 0.0, float(Ridge(alpha=1.0).fit(x, y.astype(float)).score(x_test, y_test.astype(float)))
