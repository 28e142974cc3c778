"""Turns features into numbers within public bounds, which come from contracts and declarations, never from the data.

A feature that may be null becomes two columns: the value, with the middle of the bounds where it is null, and
`<name>_missing` with 1 there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.definition import FeatureCatalog, FeatureType
from features.errors import FeatureError
from features.repo.training_spec import ColumnRule, TrainingSpec
from installation.installation import Installation

Numbers = NDArray[np.float64]
_NUMBERS = (FeatureType.INT64, FeatureType.FLOAT64)


@dataclass(frozen=True)
class EncodedColumn:
    """One column of a training set. `is_binary`: its values are 0 and 1."""

    name: str
    lower: float
    upper: float
    is_binary: bool = False


@dataclass(frozen=True)
class FeatureEncoding:
    """How one feature `view:feature` becomes one or two columns. `lower` and `upper` bound the values as stored."""

    reference: str
    name: str
    lower: float
    upper: float
    is_log: bool
    may_be_missing: bool
    is_binary: bool

    @property
    def columns(self) -> tuple[EncodedColumn, ...]:
        """The columns that it becomes, in order."""
        low, high = (0.0, float(np.log1p(self.upper - self.lower))) if self.is_log else (self.lower, self.upper)
        value = EncodedColumn(self.name, low, high, self.is_binary)
        return (value, EncodedColumn(f"{self.name}_missing", 0.0, 1.0, True)) if self.may_be_missing else (value,)

    def encode(self, values: pa.ChunkedArray) -> Numbers:
        """Return one row a value and one column for each of `columns`.

        Raises:
            FeatureError: a value is null although the contract says that none is.
        """
        found = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        is_missing = ~np.isfinite(found)
        if is_missing.any() and not self.may_be_missing:
            raise FeatureError(
                f"Feature {self.reference} is null in {is_missing.sum()} rows; its contract requires it."
            )
        clipped = np.clip(found, self.lower, self.upper)
        scaled = np.log1p(clipped - self.lower) if self.is_log else clipped
        first = self.columns[0]
        known = np.where(is_missing, (first.lower + first.upper) / 2, scaled)
        return np.column_stack([known, is_missing]) if self.may_be_missing else known[:, None]


def encodings_of(
    installation: Installation, catalog: FeatureCatalog, spec: TrainingSpec, features: Sequence[str]
) -> tuple[FeatureEncoding, ...]:
    """Return the encodings of these features, in order.

    Raises:
        FeatureError: a feature is no number, has no bounds, or a rule names no feature of the service.
    """
    rules = dict(spec.columns)
    found = []
    names = [reference.partition(":")[2] for reference in features]
    for reference, name in zip(features, names, strict=True):
        # Two views may have features of one name.
        shown = name if names.count(name) == 1 else reference.replace(":", "__")
        rule = rules.pop(reference, None) or rules.pop(name, None) or ColumnRule()
        found.append(_encoding_of(installation, catalog, reference, shown, rule))
    if rules:
        raise FeatureError(f"The service {spec.service} has no feature {', '.join(rules)}; it has {', '.join(names)}.")
    return tuple(found)


def _encoding_of(
    installation: Installation, catalog: FeatureCatalog, reference: str, name: str, rule: ColumnRule
) -> FeatureEncoding:
    feature = catalog.feature(reference)
    contract = installation.contracts.table(catalog.view(feature.view).table)
    column = next(one for one in contract.columns if one.name == feature.name)
    if feature.type is FeatureType.BOOL:
        return FeatureEncoding(reference, name, 0.0, 1.0, False, not column.required, True)
    if feature.type not in _NUMBERS:
        raise FeatureError(f"Feature {reference} is a {feature.type}; a training set takes numbers and booleans.")
    lower, upper = _bound(rule.lower, column.minimum), _bound(rule.upper, column.maximum)
    if lower is None or upper is None or not lower < upper:
        raise FeatureError(
            f"Feature {reference} has the bounds {lower} and {upper}. State `minimum` and `maximum` in its contract, "
            "or `lower` and `upper` in the declaration: bounds are public, so they cannot come from the data."
        )
    return FeatureEncoding(reference, name, lower, upper, rule.scale == "log", not column.required, False)


def _bound(declared: float | None, of_contract: object) -> float | None:
    if declared is not None:
        return declared
    return float(of_contract) if isinstance(of_contract, int | float) else None


def columns_of(encodings: Sequence[FeatureEncoding]) -> tuple[EncodedColumn, ...]:
    """Return the columns of all encodings in order."""
    return tuple(column for one in encodings for column in one.columns)


def encode_all(encodings: Sequence[FeatureEncoding], values: Mapping[str, pa.ChunkedArray]) -> Numbers:
    """Return the values of all encodings side by side, by the reference of the feature."""
    parts = [one.encode(values[one.reference]) for one in encodings]
    return np.hstack(parts).astype(np.float64)
