"""Draws the variant of a customer from a salted hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from features.experiment.definition import Experiment, Variant

_RESOLUTION = 2**64


def point_of(salt: str, customer_id: str) -> float:
    """Return the place of a customer in [0, 1), uniform over customers and independent between salts."""
    digest = hashlib.sha256(f"{salt}\0{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8]) / _RESOLUTION


def draw_variant(experiment: Experiment, customer_id: str) -> str:
    """Return the name of the variant that a customer without a stored assignment gets."""
    return variant_at(experiment.variants, point_of(experiment.salt or experiment.name, customer_id))


def variant_at(variants: Sequence[Variant], point: float) -> str:
    """Return the variant whose interval has the point. The intervals follow each other in the order of the list."""
    upper = 0.0
    for variant in variants:
        upper += variant.share
        if point < upper:
            return variant.name
    return variants[-1].name
