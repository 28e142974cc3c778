"""Measures what the classes of a release tell about sensitive values, whether or not a model was asked to limit it.

A class whose members all have one sensitive value reveals it for each of them, however large the class is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.risk.reidentification_risk import encode
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import as_text, radix


@dataclass(frozen=True)
class Homogeneity:
    """How alike the sensitive values of a class are. A null counts as a value of its own.

    Attributes:
        column: the sensitive column.
        models: names of the privacy models that limit it; empty when none was asked for.
        homogeneous_rows: share of the released rows whose class has one value only.
        fewest_values: distinct values of the class with the fewest (the l of distinct l-diversity that holds).
        largest_share: largest share of one value in a class (the alpha that holds).
        largest_distance: largest half of the summed differences between the shares of a class and of the whole table
            (the t of t-closeness with equal distances that holds).
    """

    column: str
    models: tuple[str, ...]
    homogeneous_rows: float
    fewest_values: int
    largest_share: float
    largest_distance: float


def measure_homogeneity(published: pd.DataFrame, original: pd.DataFrame, spec: Spec) -> tuple[Homogeneity, ...]:
    """Returns one measurement for each sensitive column of a release, by rows.

    Args:
        published: the release, with its labels.
        original: the table that it was made from, for the shares of the values.
        spec: the specification.
    """
    group = pd.factorize(radix(*encode(published, spec.quasi)))[0].astype(np.int64)
    return tuple(_measure(group, published, original, spec, name) for name in spec.by_role("sensitive"))


def _measure(
    group: NDArray[np.int64], published: pd.DataFrame, original: pd.DataFrame, spec: Spec, name: str
) -> Homogeneity:
    values = pd.Index(as_text(original[name]).unique())
    prior = np.bincount(values.get_indexer(as_text(original[name])), minlength=len(values)) / len(original)
    code = values.get_indexer(as_text(published[name])).astype(np.int64)
    cell, count = np.unique(group * len(values) + code, return_counts=True)
    owner, value = cell // len(values), cell % len(values)
    size = np.bincount(owner, count)
    share = count / size[owner]
    distinct = np.bincount(owner)
    # Half of the sum of |q - p| is the sum of the positive differences, and only values of the class can have one.
    distance = np.bincount(owner, np.maximum(share - prior[value], 0))
    return Homogeneity(
        column=name,
        models=tuple(model.name for model in spec.models if model.column == name),
        homogeneous_rows=float(size[distinct == 1].sum() / len(published)),
        fewest_values=int(distinct.min()),
        largest_share=float(share.max()),
        largest_distance=float(distance.max()),
    )
