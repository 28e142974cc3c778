"""The definition of an experiment: a YAML document.

    name: basket_list
    purpose: personalisation
    start: 2026-03-02
    days: 28
    variants:
      - {name: control, version: popularity/1, share: 0.5}
      - {name: treatment, version: hybrid/3, share: 0.5}
    subject: recommendation
    metric: {name: spend, unit: USD, source: orders}
    guardrails:
      - {name: error_rate, most_increase: 0.01}

The unit is the customer. The first variant is the control.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.experiment.errors import ExperimentDefinitionError

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
_MOST_CHARACTERS = 20_000
ORDER_METRICS = ("spend", "orders")
"""Metrics that are read from the orders: their value received, and their number."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Variant(_Document):
    """One variant: the version of a model, policy or audience that it serves, and its share of the customers."""

    name: _Name
    version: Annotated[str, Field(min_length=1, max_length=200)]
    share: Annotated[float, Field(gt=0, lt=1)]


class Metric(_Document):
    """The figure that decides: a sum a customer.

    Attributes:
        name: name of the recorded outcomes; or `spend` or `orders`, from the orders of the customer.
        unit: unit of the figure; empty for a count or a rate.
        source: `recorded` by the service that serves the variants, or `orders`: read from gold/order_history, from the
            day on which a customer is assigned to the last day of the experiment.
        before: name of the outcomes of the time before the start, by which CUPED adjusts; None without adjustment.
        days_before: with `orders`, days before the start by which CUPED adjusts; 0 without adjustment, by default
            twice the days of the experiment.
    """

    name: _Name
    unit: Annotated[str, Field(max_length=20)] = ""
    source: Literal["recorded", "orders"] = "recorded"
    before: _Name | None = None
    days_before: Annotated[int, Field(ge=0, le=366)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.source == "orders" and (self.name not in ORDER_METRICS or self.before is not None):
            raise ValueError(f"a metric of orders is {' or '.join(ORDER_METRICS)}, and states days_before, not before")
        if self.source == "recorded" and self.days_before is not None:
            raise ValueError("days_before is for a metric of orders; recorded figures are named by before")
        return self


class Guardrail(_Document):
    """A figure that a variant must not raise: the largest allowed increase of the mean of a customer's outcomes."""

    name: _Name
    most_increase: Annotated[float, Field(ge=0)]


class Experiment(_Document):
    """A definition.

    Attributes:
        purpose: purpose that a customer must permit to take part.
        subject: what is varied, such as `recommendation`; a service asks for the running experiments of its subject.
        days: planned days, each with one look.
        salt: makes the assignments of two experiments independent; by default it is the name.
        alpha: probability of a wrong verdict when the variants do not differ, over all looks.
        method: `sequence` is valid at any number of looks; `obrien_fleming` at one look a day of the planned days.
        planned_customers: number at which the sequence is tightest.
        least_customers: fewest customers of each variant for a verdict.
    """

    name: _Name
    purpose: Annotated[str, Field(min_length=1, max_length=100)]
    subject: _Name | None = None
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
    def days_before(self) -> int:
        """Days before the start whose orders adjust the metric; 0 without."""
        if self.metric.source == "recorded":
            return 0
        return 2 * self.days if self.metric.days_before is None else self.metric.days_before

    @property
    def before(self) -> str | None:
        """Name of the figure of the time before the start; None without one."""
        # With a blank, so that no recorded figure has it.
        return f"{self.metric.name} before" if self.days_before else self.metric.before

    @property
    def recorded(self) -> frozenset[str]:
        """Names of the figures that the service records."""
        metric = {self.metric.name, self.metric.before} if self.metric.source == "recorded" else set()
        return frozenset({one for one in metric if one is not None} | {one.name for one in self.guardrails})

    @property
    def plan(self) -> dict[str, object]:
        """Everything that must not change once customers take part: all but the variants."""
        return self.model_dump(mode="json", exclude={"variants"})

    def text(self) -> str:
        """Return the definition as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


@lru_cache(maxsize=256)
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
