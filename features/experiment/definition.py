"""The definition of an experiment: a YAML document.

    name: basket_list
    purpose: personalised_recommendation
    start: 2026-03-02
    days: 28
    variants:
      - {name: control, version: popularity/1, share: 0.5}
      - {name: treatment, version: hybrid/3, share: 0.5}
    metric: {name: spend, unit: USD, before: spend_before}
    guardrails:
      - {name: error_rate, most_increase: 0.01}

The unit is the customer. The first variant is the control.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.experiment.errors import ExperimentDefinitionError

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
_MOST_CHARACTERS = 20_000


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Variant(_Document):
    """One variant: the version of a model, policy or audience that it serves, and its share of the customers."""

    name: _Name
    version: Annotated[str, Field(min_length=1, max_length=200)]
    share: Annotated[float, Field(gt=0, lt=1)]


class Metric(_Document):
    """The figure that decides: the sum of a customer's outcomes of this name.

    Attributes:
        name: name of the outcomes.
        unit: unit of the figure; empty for a count or a rate.
        before: name of the outcomes of the time before the start, by which CUPED adjusts; None without adjustment.
    """

    name: _Name
    unit: str = ""
    before: _Name | None = None


class Guardrail(_Document):
    """A figure that a variant must not raise: the largest allowed increase of the mean of a customer's outcomes."""

    name: _Name
    most_increase: Annotated[float, Field(ge=0)]


class Experiment(_Document):
    """A definition.

    Attributes:
        purpose: purpose that a customer must permit to take part.
        days: planned days, each with one look.
        salt: makes the assignments of two experiments independent; by default it is the name.
        alpha: probability of a wrong verdict when the variants do not differ, over all looks.
        method: `sequence` is valid at any number of looks; `obrien_fleming` at one look a day of the planned days.
        planned_customers: number at which the sequence is tightest.
        least_customers: fewest customers of each variant for a verdict.
    """

    name: _Name
    purpose: Annotated[str, Field(min_length=1, max_length=100)]
    start: date
    days: Annotated[int, Field(ge=1, le=366)] = 28
    salt: Annotated[str, Field(max_length=100)] = ""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    method: Literal["sequence", "obrien_fleming"] = "sequence"
    planned_customers: Annotated[int, Field(ge=10)] = 1000
    least_customers: Annotated[int, Field(ge=10)] = 100
    variants: Annotated[tuple[Variant, ...], Field(min_length=2, max_length=10)]
    metric: Metric
    guardrails: tuple[Guardrail, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [one.name for one in self.variants]
        if len(set(names)) < len(names):
            raise ValueError("two variants have the same name")
        if not math.isclose(sum(one.share for one in self.variants), 1, abs_tol=1e-9):
            raise ValueError("the shares of the variants do not add up to 1")
        figures = [self.metric.name, *(one.name for one in self.guardrails)]
        if len(set(figures)) < len(figures) or self.metric.before in figures:
            raise ValueError("two figures have the same name")
        return self

    @property
    def last_day(self) -> date:
        """The last planned day."""
        return self.start + timedelta(self.days - 1)

    @property
    def plan(self) -> dict[str, object]:
        """Everything that must not change once customers take part: all but the variants."""
        return self.model_dump(mode="json", exclude={"variants"})

    def text(self) -> str:
        """Return the definition as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def read_experiment(text: str) -> Experiment:
    """Return the experiment of a YAML document.

    Raises:
        ExperimentDefinitionError: it is none.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ExperimentDefinitionError("the file", f"more than {_MOST_CHARACTERS:,} characters")
    try:
        return Experiment.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError):
        raise ExperimentDefinitionError("the file", "no YAML") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise ExperimentDefinitionError(place, str(first["msg"])) from None
