"""Measures the remaining utility of a release: class-based scores, information loss and counting queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.table.frequency_table import radix
from privacy.anonymity.table.range_label import covered_places

Cover = Mapping[str, Mapping[str, frozenset[str]]]
"""For each column, the values that each published label covers."""


@dataclass(frozen=True)
class Utility:
    """Scores of a release. Losses are shares of 1; lower is better."""

    certainty_penalty: float
    discernibility: float
    mean_class_size: float
    nonuniform_entropy_loss: float
    query_error_median: float
    query_error_mean: float


def label_cover(
    original: pd.Series, labels: Sequence[str], paths: Sequence[Sequence[str]] = ()
) -> dict[str, frozenset[str]]:
    """Returns for each label the values of `original` that it covers. `paths` are rows of the column's hierarchy."""
    from privacy.anonymity.spec.hierarchy import sort_key

    present = sorted(set(original), key=sort_key)
    place = {value: at for at, value in enumerate(present)}
    nodes: dict[str, set[str]] = {}
    for path in paths:
        for label in path:
            nodes.setdefault(label, set()).add(path[0])
    out = {}
    for label in set(labels):
        if label in nodes:
            out[label] = frozenset(nodes[label] & set(present))
        elif label in present:
            out[label] = frozenset([label])
        elif label == "*":
            out[label] = frozenset(present)
        elif label.startswith("{"):
            out[label] = _members(label[1:-1], frozenset(present))
        else:
            out[label] = frozenset(_range(label, present, place))
    return out


def _members(inside: str, present: frozenset[str]) -> frozenset[str]:
    """Returns the values of a set label. A value may itself contain the separator `|`."""
    found, start = set(), 0
    cuts = [*(i for i, letter in enumerate(inside) if letter == "|"), len(inside)]
    for end in cuts:
        if inside[start:end] in present:
            found.add(inside[start:end])
            start = end + 1
    return frozenset(found)


def _range(label: str, present: list[str], place: Mapping[str, int]) -> list[str]:
    found = covered_places(label, present, place)
    if found is None:
        raise KeyError(f"label {label!r} is not a value, node, set or range of its column; pass the original table")
    return present[found[0] : found[1] + 1]


def measure_utility(
    original: pd.DataFrame, published: pd.DataFrame, cover: Cover, queries: int = 500, seed: int = 7
) -> Utility:
    """Scores `published` against the text columns of `original`; a missing row counts as suppressed.

    Queries count the rows in three random columns with about 40 % of the values of each. An answer from the release
    spreads each row evenly over the values that its label covers. Error: |estimate - truth| / max(truth, 0.1 % of
    rows).
    """
    columns = list(cover)
    rows, kept = len(original), len(published)
    dropped = rows - kept
    matrices, codes, truths = _matrices(original, published, cover)
    losses = np.stack([(m.sum(1)[c] - 1) / max(m.shape[1] - 1, 1) for m, c in zip(matrices, codes, strict=True)], 1)
    sizes = published.groupby(columns, sort=False).size().to_numpy(float)
    errors = _query_errors(matrices, codes, truths, rows, queries, seed)
    return Utility(
        certainty_penalty=float((losses.mean(1).sum() + dropped) / rows),
        discernibility=float((sizes**2).sum() + dropped * rows),
        mean_class_size=float(kept / max(len(sizes), 1)),
        nonuniform_entropy_loss=_entropy_loss(original, matrices, codes, truths, dropped),
        query_error_median=float(np.median(errors)),
        query_error_mean=float(np.mean(errors)),
    )


def _matrices(
    original: pd.DataFrame, published: pd.DataFrame, cover: Cover
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    matrices, codes, truths = [], [], []
    for name, covered in cover.items():
        truth, values = pd.factorize(original[name], sort=True)
        place = {value: i for i, value in enumerate(values)}
        code, labels = pd.factorize(published[name])
        matrix = np.zeros((len(labels), len(values)))
        for i, label in enumerate(labels):
            matrix[i, [place[value] for value in covered[label]]] = 1
        matrices.append(matrix)
        codes.append(code)
        truths.append(truth)
    return matrices, codes, truths


def _query_errors(
    matrices: list[NDArray[np.float64]],
    codes: list[NDArray[np.int64]],
    truths: list[NDArray[np.int64]],
    rows: int,
    queries: int,
    seed: int,
) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    shares = [matrix / matrix.sum(1, keepdims=True) for matrix in matrices]
    codes, weights = _distinct(codes)
    truths, people = _distinct(truths)
    errors = np.empty(queries)
    for query in range(queries):
        estimate, truth = weights.astype(np.float64), np.ones(len(people), np.bool_)
        for j in random.choice(len(codes), min(3, len(codes)), replace=False):
            size = shares[j].shape[1]
            wanted = np.zeros(size)
            wanted[random.choice(size, max(1, int(np.ceil(0.4 * size))), replace=False)] = 1
            estimate *= (shares[j] @ wanted)[codes[j]]
            truth &= wanted[truths[j]] > 0
        counted = float(people[truth].sum())
        errors[query] = abs(float(estimate.sum()) - counted) / max(counted, 0.001 * rows)
    return errors


def _distinct(codes: list[NDArray[np.int64]]) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Returns the distinct combinations of codes, and the number of rows of each."""
    key = radix(codes, [int(code.max(initial=0)) + 1 for code in codes])
    _, first, count = np.unique(key, return_index=True, return_counts=True)
    return [code[first] for code in codes], count


def _entropy_loss(
    original: pd.DataFrame,
    matrices: list[NDArray[np.float64]],
    codes: list[NDArray[np.int64]],
    truths: list[NDArray[np.int64]],
    dropped: int,
) -> float:
    """Returns the non-uniform entropy loss (de Waal and Willenborg 1999): lost bits divided by all bits."""
    lost = total = 0.0
    for matrix, code, truth in zip(matrices, codes, truths, strict=True):
        share = np.bincount(truth, minlength=matrix.shape[1]) / len(truth)
        weight = matrix * share
        inside = weight / weight.sum(1, keepdims=True)
        bits = -(inside * np.log2(np.where(inside > 0, inside, 1))).sum(1)
        whole = -float((share * np.log2(np.where(share > 0, share, 1))).sum())
        lost += float(bits[code].sum()) + dropped * whole
        total += whole * len(original)
    return lost / total if total else 0.0
