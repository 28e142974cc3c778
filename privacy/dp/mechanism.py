"""Adds noise, by OpenDP only: exact discrete Gaussian on whole numbers, and its thresholded form for unknown keys.

Every function takes the sensitivity for neighbours D ~ D' that differ in all rows of one customer. It chooses
the smallest scale whose privacy map stays within ρ, and checks the scale with OpenDP's privacy map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

# Not opendp.prelude: it imports scikit-learn and Polars, which takes ten times as long.
from opendp.combinators import make_zCDP_to_approxDP
from opendp.domains import atom_domain, map_domain, vector_domain
from opendp.measurements import make_gaussian, make_gaussian_threshold
from opendp.metrics import absolute_distance, l02inf_distance, l2_distance
from opendp.mod import enable_features

from privacy.dp.cost import require_positive
from privacy.dp.errors import BadQuestion
from privacy.dp.sensitivity import root_up

# OpenDP requires this for components whose proofs are under review; both mechanisms used here have a proof.
enable_features("contrib")
_VECTOR = (vector_domain(atom_domain(T="i64")), l2_distance(T="f64"))
_TABLE = (
    map_domain(atom_domain(T="String"), atom_domain(T="i64")),
    l02inf_distance(absolute_distance(T="f64")),
)


@lru_cache(maxsize=1024)
def gaussian_scale(l2_sensitivity: float, rho: float) -> float:
    """Return σ of the discrete Gaussian that is ρ-zCDP for ℓ₂ sensitivity Δ: σ = Δ/√(2ρ), rounded up.

    Guarantee: D_α(M(x) ‖ M(x')) ≤ ρ·α for all α > 1 and ‖x − x'‖₂ ≤ Δ (Canonne, Kamath and Steinke 2020).

    >>> round(gaussian_scale(10.0, 0.5), 6)
    10.0
    """
    require_positive("l2_sensitivity", l2_sensitivity)
    require_positive("rho", rho)
    scale = l2_sensitivity / math.sqrt(2 * rho)
    while cast(float, _gaussian(scale).map(l2_sensitivity)) > rho:
        scale *= 1 + 1e-12
    return scale


def add_gaussian(values: Sequence[int], l2_sensitivity: float, rho: float) -> tuple[list[int], float]:
    """Return `values` with discrete Gaussian noise that makes them ρ-zCDP, and σ of the noise."""
    scale = gaussian_scale(l2_sensitivity, rho)
    if not values:
        return [], scale
    return cast(list[int], _gaussian(scale)(list(values))), scale


def select_keys(counts: Mapping[str, int], groups: int, rho: float, delta: float) -> tuple[dict[str, int], float, int]:
    """Return the keys that enough customers share, each with its noisy number of customers; then σ and the threshold.

    Guarantee: δ-approximate ρ-zCDP for counts of distinct customers, each in at most `groups` keys: a key
    that only one customer has is returned with probability at most δ/groups.
    """
    require_positive("delta", delta)
    scale = gaussian_scale(root_up(groups), rho)
    threshold = _threshold(scale, groups, rho, delta)
    found = cast(dict[str, int], _thresholded(scale, threshold)(dict(counts))) if counts else {}
    return found, scale, threshold


@lru_cache(maxsize=1024)
def approximate_epsilon(rho: float, delta_spent: float, delta: float) -> float:
    """Return ε such that a δ_spent-approximate ρ-zCDP release is (ε, δ + δ_spent)-DP, by OpenDP's conversion.

    >>> round(approximate_epsilon(0.5, 0.0, 1e-6), 2)
    5.22
    """
    require_positive("rho", rho)
    scale = gaussian_scale(1.0, rho)
    converted: Any = make_zCDP_to_approxDP(_gaussian(scale))
    curve = converted.map(1.0)
    return cast(float, curve.epsilon(delta))


@lru_cache(maxsize=1024)
def _gaussian(scale: float) -> Any:
    return make_gaussian(*_VECTOR, scale=scale)


def _thresholded(scale: float, threshold: int) -> Any:
    return make_gaussian_threshold(*_TABLE, scale=scale, threshold=threshold)


def _spent(scale: float, threshold: int, groups: int) -> tuple[float, float]:
    # A customer is in at most `groups` keys, and changes each of their counts by one.
    measurement: Any = _thresholded(scale, threshold)
    privacy_map: Any = measurement.map
    return cast(tuple[float, float], privacy_map((groups, root_up(groups), 1.0)))


def _threshold(scale: float, groups: int, rho: float, delta: float) -> int:
    low, high = 1, 2 + math.ceil(scale * 40)
    while low < high:
        middle = (low + high) // 2
        spent_rho, spent_delta = _spent(scale, middle, groups)
        if spent_rho <= rho * (1 + 1e-9) and spent_delta <= delta:
            high = middle
        else:
            low = middle + 1
    if _spent(scale, low, groups)[1] > delta:
        raise BadQuestion(f"No threshold reaches delta={delta} at rho={rho}; use a larger delta or rho")
    return low
