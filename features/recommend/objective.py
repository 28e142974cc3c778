"""Objectives: how much a low price, quality and convenience count beside the chance of a purchase, read from YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML, YAMLError

from features.recommend.errors import ObjectiveFileError, UnknownObjectiveError
from features.recommend.history import Floats
from features.recommend.trait import Traits

FILE = Path(__file__).parent / "objective.yaml"


class Objective(BaseModel):
    """What a list aims at.

    Attributes:
        price, quality, convenience: weights in log-odds for one standard deviation of a trait of an item.
        new_slots: places of a list that are reserved for items that the customer never bought.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    price: float = Field(0.0, ge=0, le=5, allow_inf_nan=False)
    quality: float = Field(0.0, ge=0, le=5, allow_inf_nan=False)
    convenience: float = Field(0.0, ge=0, le=5, allow_inf_nan=False)
    new_slots: int = Field(0, ge=0, le=20)

    def bonus(self, traits: Traits) -> Floats:
        """Return what is added to the log-odds of each item; `traits` has an array for each weight."""
        weights = {"price": self.price, "quality": self.quality, "convenience": self.convenience}
        return np.asarray(sum(weight * traits[name] for name, weight in weights.items()))


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    objectives: dict[str, Objective] = Field(min_length=1)


def read_objectives(folders: Iterable[Path] = ()) -> dict[str, Objective]:
    """Return the declared objectives by name: of the last folder with a file `objective.yaml`, else the built-in ones.

    Raises:
        ObjectiveFileError: the file is no YAML, has no objective, or has a field that is unknown or out of bounds.
    """
    path = [FILE, *(file for folder in folders if (file := folder / FILE.name).is_file())][-1]
    try:
        return _File.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8"))).objectives
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ObjectiveFileError(f"The objectives in {path.name} cannot be read: {type(error).__name__}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise ObjectiveFileError(f"The objectives in {path.name} are faulty: {place}: {first['msg']}.") from None


def objective_named(name: str, objectives: Mapping[str, Objective]) -> Objective:
    """Return one objective.

    Raises:
        UnknownObjectiveError: there is none of this name.
    """
    if name not in objectives:
        raise UnknownObjectiveError(name, objectives)
    return objectives[name]
