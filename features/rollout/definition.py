"""The definition of a rollout: a YAML document.

    kind: rollout
    name: hybrid_3
    purpose: personalisation
    subject: recommendation
    old: popularity/1
    new: hybrid/3
    stages:
      - {kind: shadow, hours: 24}
      - {kind: canary, share: 0.1, hours: 72}
      - {kind: blue_green, hours: 48}
    guardrails:
      - {name: error, limit: 0.05}
      - {name: slow, above_seconds: 0.5}
      - {name: click, direction: fall}

A guardrail counts calls; the share of them is compared with the old version and with the limit.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.rollout.errors import RolloutDefinitionError

CALLS, ERROR, SLOW, DIFFERENCE = "calls", "error", "slow", "difference"
"""Names of what is counted of every version. Other guardrails count what the service reports, such as clicks."""
SHADOW_COUNTS = frozenset({CALLS, ERROR, SLOW, DIFFERENCE})
"""What can be counted of a version whose answers are not used."""
USUAL_RATIO = 1.1
"""Customers of a canary are others than the rest, and some people meet errors often. `bench/rollout` measures it."""
_MOST_CHARACTERS = 20_000
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
_Version = Annotated[str, Field(min_length=1, max_length=200)]


class StageKind(StrEnum):
    """What the new version does in a stage.

    SHADOW: it answers every call as well, and the answer is not used. CANARY: it serves a share of the customers.
    BLUE_GREEN: it serves everyone, and the old version is ready to take over again.
    """

    SHADOW = "shadow"
    CANARY = "canary"
    BLUE_GREEN = "blue_green"


class Comparison(StrEnum):
    """What a guardrail compares the new version with: the old version at the same time, or a fixed limit."""

    RATIO = "ratio"
    LIMIT = "limit"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Stage(_Document):
    """One stage. `share`: share of the customers that a canary serves. `hours`: the shortest time until the next."""

    kind: StageKind
    hours: Annotated[int, Field(ge=1, le=24 * 60)]
    share: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind is StageKind.CANARY) != (self.share is not None):
            raise ValueError("a canary needs the share of the customers, and only a canary has one")
        return self


class Guardrail(_Document):
    """A share of calls by which the new version is rolled back.

    Attributes:
        name: `error`, `slow` (calls of more than `above_seconds`), `difference` (answers that differ in shadow), or
            the name of a count that the service reports, such as `click`.
        direction: the direction that is bad.
        most_ratio: largest allowed ratio of the odds of both versions at the same time, new to old if a rise is bad,
            old to new if a fall is; None without a comparison.
        limit: share of the new version's calls that it must not pass. It needs no other version beside it.
    """

    name: _Name
    direction: Literal["rise", "fall"] = "rise"
    most_ratio: Annotated[float, Field(ge=1)] | None = USUAL_RATIO
    limit: Annotated[float, Field(gt=0, lt=1)] | None = None
    above_seconds: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.name == CALLS:
            raise ValueError("calls are what the shares are of")
        if (self.name == SLOW) != (self.above_seconds is not None):
            raise ValueError("slow needs above_seconds, and only slow has it")
        if self.name == DIFFERENCE and self.limit is None:
            raise ValueError("difference needs a limit: the old version has no share of differing answers")
        if not self.comparisons:
            raise ValueError("a guardrail needs most_ratio or a limit")
        return self

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What the new version is compared with."""
        ratio = self.most_ratio is not None and self.name != DIFFERENCE
        return (Comparison.RATIO,) * ratio + (Comparison.LIMIT,) * (self.limit is not None)


class Rollout(_Document):
    """A definition.

    Attributes:
        purpose: purpose for which the versions answer; a role needs it to change the rollout or to see its report.
        subject: what a service serves, such as `recommendation`. One rollout of a subject runs at a time.
        old: the version that is served now.
        new: the version that is to take over.
        alpha: probability that a new version that is not worse is ever rolled back, over all guardrails and looks.
        least_calls: calls of the new version in a stage before the next stage may begin.
    """

    kind: Literal["rollout"]
    name: _Name
    purpose: Annotated[str, Field(min_length=1, max_length=100)]
    subject: _Name
    old: _Version
    new: _Version
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=10)]
    guardrails: Annotated[tuple[Guardrail, ...], Field(min_length=1, max_length=10)]
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    least_calls: Annotated[int, Field(ge=1)] = 1000

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.old == self.new:
            raise ValueError("old and new are the same version")
        if len({one.name for one in self.guardrails}) < len(self.guardrails):
            raise ValueError("two guardrails have the same name")
        shares = [one.share or float(one.kind is StageKind.BLUE_GREEN) for one in self.stages]
        if shares != sorted(shares):
            raise ValueError("a stage gives the new version fewer customers than the stage before")
        if self.stages[-1].kind is StageKind.BLUE_GREEN and not any(
            one.limit is not None and one.name != DIFFERENCE for one in self.guardrails
        ):
            raise ValueError("blue_green has no other version to compare with: give a guardrail a limit")
        return self

    def share(self, stage: int) -> float:
        """Return the share of the customers whom the new version serves in a stage."""
        one = self.stages[stage]
        return 1.0 if one.kind is StageKind.BLUE_GREEN else one.share or 0.0

    def text(self) -> str:
        """Return the definition as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def is_rollout(text: str) -> bool:
    """Return whether a YAML document says that it is a rollout."""
    try:
        found = yaml.safe_load(text[:_MOST_CHARACTERS])
    except (yaml.YAMLError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("kind") == "rollout"


def read_rollout(text: str) -> Rollout:
    """Return the rollout of a YAML document.

    Raises:
        RolloutDefinitionError: it is none.
    """
    if len(text) > _MOST_CHARACTERS:
        raise RolloutDefinitionError("the file", f"more than {_MOST_CHARACTERS:,} characters")
    try:
        return Rollout.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError):
        raise RolloutDefinitionError("the file", "no YAML") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise RolloutDefinitionError(place, str(first["msg"])) from None
