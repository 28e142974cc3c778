"""The model of a segmentation: how traits are scaled and where the centres of the segments lie.

It says the same in numpy, for the fit, and as SQL, for all customers on the engine. A value v of a trait becomes
w · clip((t(v) − m) / s, −REACH, REACH), where t is the logarithm of 1 + max(v, 0) for skewed traits and v for others,
m and s are mean and standard deviation of t(v) in the sample, and w is the trait's weight. An unknown value becomes 0.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from features.insight.errors import reading
from features.insight.segment.clustering import Clustering, cluster
from features.insight.segment.trait import TRAITS, Trait

if TYPE_CHECKING:
    from numpy.typing import NDArray

REACH = 3.0
"""Values further from the mean than this count as this far, so that no few customers make a segment."""
NO_ORDER = "s0"
"""Segment of the customers without an order, by rule: nothing is known of how they buy."""
HAS_ORDER = "order_count > 0"
_DIGITS, _NOISE = 9, 1e-6


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of a trait in the sample; a standard deviation of 0 means that it says nothing."""

    trait: str
    mean: float
    deviation: float


@dataclass(frozen=True)
class SegmentModel:
    """Scales of the traits, and the centre of each segment by its id."""

    traits_digest: str
    scales: tuple[Scale, ...]
    centers: Mapping[str, tuple[float, ...]]

    def to_json(self) -> str:
        """Return the model as JSON; `from_json` returns an equal one."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SegmentModel:
        """Return the model that `to_json` has written.

        Raises:
            UnreadableRowError: the text is none.
        """
        with reading("gold/segment_model"):
            read = json.loads(text)
            centers = {name: tuple(map(float, center)) for name, center in read["centers"].items()}
            return cls(read["traits_digest"], tuple(Scale(**one) for one in read["scales"]), centers)

    def without(self, segments: Collection[str]) -> SegmentModel:
        """Return the model without these segments; their customers get the nearest of the others."""
        kept = {name: center for name, center in self.centers.items() if name not in segments}
        return SegmentModel(self.traits_digest, self.scales, kept)

    def renamed(self, names: Mapping[str, str]) -> SegmentModel:
        """Return the model with other segment ids, in the order of the new ids."""
        found = sorted((names[old], center) for old, center in self.centers.items())
        return SegmentModel(self.traits_digest, self.scales, dict(found))

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of the traits (a column each, NaN for unknown) as the clustering compares them."""
        return _encode(values, self.scales)

    def label(self, values: NDArray[np.float64]) -> list[str]:
        """Return the segment of each row of trait values. On a tie, the first segment."""
        names = list(self.centers)
        distances = _distances(self.encode(values), np.array([self.centers[name] for name in names]))
        return [names[number] for number in np.argmin(distances, axis=1)]

    def encoding_sql(self) -> dict[str, str]:
        """Return the columns that `distance_sql` needs: each trait as the clustering compares it."""
        traits = {trait.name: trait for trait in TRAITS}
        return {f"_x{n}": _encoding_sql(traits[scale.trait], scale) for n, scale in enumerate(self.scales)}

    def distance_sql(self) -> dict[str, str]:
        """Return a column for each segment: ‖c‖² − 2·c·x, which is smallest for the nearest centre c."""
        found = {}
        for name, center in self.centers.items():
            terms = [_number(sum(value**2 for value in center))]
            terms += [f"{_number(-2 * value)} * _x{n}" for n, value in enumerate(center) if value]
            found[f"_d_{name}"] = " + ".join(terms)
        return found

    def label_sql(self) -> str:
        """Return the expression of the segment over the columns of `distance_sql`."""
        names = list(self.centers)
        if len(names) == 1:
            return f"'{names[0]}'"
        least = f"least({', '.join(f'_d_{name}' for name in names)})"
        whens = " ".join(f"when _d_{name} <= {least} then '{name}'" for name in names)
        return f"case {whens} end"


def traits_digest() -> str:
    """Return a hash of what the traits mean to the clustering; a model of other traits is not used any more."""
    meaning = [(trait.name, trait.sql, trait.is_skewed, trait.weight) for trait in TRAITS]
    return hashlib.sha256(json.dumps([REACH, *meaning]).encode()).hexdigest()[:16]


def fit(values: NDArray[np.float64], fewest_rows: int, seed: int = 0) -> tuple[SegmentModel, Clustering]:
    """Return the model of these customers, with the segments `1`, `2` … in the order of their size, and its clustering.

    Args:
        values: a row for each customer and a column for each of TRAITS; NaN for unknown.
        fewest_rows: no segment of the sample has fewer customers.
        seed: equal values and seeds give equal models.
    """
    scales = _scales(values)
    found = cluster(_encode(values, scales), seed, fewest_rows)
    centers = {str(n): tuple(_rounded(value) for value in center) for n, center in enumerate(found.centers, 1)}
    return SegmentModel(traits_digest(), scales, centers), found


def _scales(values: NDArray[np.float64]) -> tuple[Scale, ...]:
    found = []
    for number, trait in enumerate(TRAITS):
        known = _shaped(trait, values[:, number])
        known = known[np.isfinite(known)]
        if not trait.weight:
            continue
        mean, deviation = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
        # Equal values have a deviation too, of their rounding; by it, unknown values would be far from known ones.
        found.append(Scale(trait.name, _rounded(mean), _rounded(deviation) if deviation > _NOISE * abs(mean) else 0.0))
    return tuple(found)


def _encode(values: NDArray[np.float64], scales: Sequence[Scale]) -> NDArray[np.float64]:
    places = {trait.name: number for number, trait in enumerate(TRAITS)}
    columns = []
    for scale in scales:
        trait = TRAITS[places[scale.trait]]
        shaped = _shaped(trait, values[:, places[scale.trait]]) - scale.mean
        scaled = shaped / scale.deviation if scale.deviation else np.zeros(len(values))
        columns.append(trait.weight * np.clip(np.nan_to_num(scaled), -REACH, REACH))
    return np.column_stack(columns)


def _distances(rows: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((centers**2).sum(axis=1) - 2 * rows @ centers.T)


def _shaped(trait: Trait, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(1 + np.maximum(values, 0)) if trait.is_skewed else values


def _encoding_sql(trait: Trait, scale: Scale) -> str:
    if not scale.deviation:
        return _number(0)
    # `greatest` would take 0 for an unknown value.
    positive = f"case when {trait.name} <= 0 then {_number(0)} else {trait.name} end"
    value = f"ln(1 + {positive})" if trait.is_skewed else trait.name
    scaled = f"coalesce(({value} - {_number(scale.mean)}) / {_number(scale.deviation)}, {_number(0)})"
    return f"{_number(trait.weight)} * greatest({_number(-REACH)}, least({_number(REACH)}, {scaled}))"


def _number(value: float) -> str:
    """Return the number as a literal that every engine reads as a double: without an exponent it would be a decimal."""
    return f"({value:.16e})"


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def next_fit_is_due(fitted_on: date, as_of: date, fitted_customers: int, customers: int) -> bool:
    """Return whether a new model is fitted: in each new month, and when the customers have doubled or halved."""
    is_other_month = (fitted_on.year, fitted_on.month) != (as_of.year, as_of.month)
    return is_other_month or not fitted_customers / 2 <= customers <= fitted_customers * 2
