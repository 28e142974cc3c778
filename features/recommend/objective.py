"""Objectives: how much a low price, quality and convenience count beside the chance of a purchase, read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML, YAMLError

from features.recommend.errors import ObjectiveFileError, UnknownObjectiveError
from features.recommend.history import Floats

FILE = Path(__file__).parent / "objective.yaml"


class Objective(BaseModel):
    """Weights in log-odds for one standard deviation of a trait of an item. Zero leaves the trait out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    price: float = Field(0.0, ge=0, le=5, allow_inf_nan=False)
    quality: float = Field(0.0, ge=0, le=5, allow_inf_nan=False)
    convenience: float = Field(0.0, ge=0, le=5, allow_inf_nan=False)

    def bonus(self, traits: Mapping[str, Floats], item_count: int) -> Floats:
        """Return what is added to the log-odds of each item. A trait that is missing or unknown adds 0."""
        total = np.zeros(item_count)
        for name, weight in self.model_dump().items():
            if weight and name in traits:
                total += weight * np.nan_to_num(traits[name])
        return total


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    objectives: dict[str, Objective]


def read_objectives(path: Path = FILE) -> dict[str, Objective]:
    """Return the declared objectives by name.

    Raises:
        ObjectiveFileError: the file is missing, is no YAML, or has a weight that is unknown or out of bounds.
    """
    try:
        return _File.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8"))).objectives
    except (OSError, YAMLError, ValidationError) as error:
        raise ObjectiveFileError(f"The objectives in {path.name} cannot be read: {error}") from error


def objective_named(name: str, objectives: Mapping[str, Objective]) -> Objective:
    """Return one objective.

    Raises:
        UnknownObjectiveError: there is none of this name.
    """
    if name not in objectives:
        raise UnknownObjectiveError(name, objectives)
    return objectives[name]


def price_trait(price: Floats) -> Floats:
    """Return how cheap each item is: minus the logarithm of its price, with mean 0 and standard deviation 1."""
    logarithm = -np.log(np.maximum(price, 0.01))
    spread = float(np.nanstd(logarithm)) if np.isfinite(logarithm).any() else 0.0
    return (logarithm - np.nanmean(logarithm)) / spread if spread else np.zeros(len(price))
