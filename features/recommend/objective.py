"""Objectives: how much a low price, quality and convenience count beside the chance of a purchase, read from YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from features.recommend.errors import ObjectiveFileError, UnknownObjectiveError
from features.recommend.history import Floats

Traits = Mapping[str, Floats]
"""Price, quality and convenience of the items, one array each; see `trait`."""
FILE = Path(__file__).parent / "objective.yaml"
AUTOMATIC = "automatic"
"""What a request asks for when a policy is to choose the objective; no objective has this name."""


class Objective(BaseModel):
    """What a list aims at.

    Attributes:
        price, quality, convenience: weights in log-odds for one standard deviation of a trait of an item.
        new_slots: places of a list that are reserved for items that the customer never bought.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    price: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = 0.0
    quality: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = 0.0
    convenience: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = 0.0
    new_slots: Annotated[int, Field(ge=0, le=20)] = 0

    def bonus(self, traits: Traits) -> Floats:
        """Return what is added to the log-odds of each item; `traits` has an array for each weight."""
        weights = {"price": self.price, "quality": self.quality, "convenience": self.convenience}
        return np.asarray(sum(weight * traits[name] for name, weight in weights.items()))


def _not_automatic(name: str) -> str:
    if name == AUTOMATIC:
        raise ValueError("the name is taken: the policy chooses")
    return name


_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$"), AfterValidator(_not_automatic)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    objectives: Annotated[dict[_Name, Objective], Field(min_length=1)]


def read_objectives(folders: Iterable[Path] = ()) -> dict[str, Objective]:
    """Return the declared objectives by name: of the last folder with a file `objective.yaml`, else the built-in ones.

    Raises:
        ObjectiveFileError: the file is no YAML, has no objective, or has a field that is unknown or out of bounds.
    """
    path = [FILE, *(file for folder in folders if (file := folder / FILE.name).is_file())][-1]
    try:
        return _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).objectives
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
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
