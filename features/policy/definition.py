"""The definition of a policy: a YAML document.

    name: objective
    purpose: personalisation
    arms: [relevance, thrifty, balanced, discovery]
    context: [price_sensitivity, days_since_last, basket_value]
    learner: lin_ts
    least_propensity: 0.01

The first arm is what a customer gets who does not permit the purpose.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.policy.errors import PolicyDefinitionError

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
_MOST_CHARACTERS = 20_000


class PolicyDefinition(BaseModel):
    """A definition. It never changes: other arms or another context are another policy.

    Attributes:
        purpose: purpose that a customer must permit to be decided about and logged.
        arms: what there is to choose from.
        context: names of the numbers that a decision rests on, in their order.
        learner: how versions are learned, see `Rule`.
        steps: decisions about a customer whose rewards count together; more than one for `fitted_q` only.
        exploration: multiplies the standard errors of `lin_ucb` and `lin_ts`.
        least_propensity: the least probability of each arm.
        reward_hours: time after which a decision without a reward counts as one of reward 0.
        keep_days: time after which a decision is deleted from the log.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: _Name
    purpose: Annotated[str, Field(min_length=1, max_length=100)]
    arms: Annotated[tuple[_Name, ...], Field(min_length=2, max_length=20)]
    context: Annotated[tuple[_Name, ...], Field(min_length=1, max_length=50)]
    learner: Literal["lin_ts", "lin_ucb", "fitted_q"] = "lin_ts"
    steps: Annotated[int, Field(ge=1, le=20)] = 1
    exploration: Annotated[float, Field(gt=0, le=10)] = 1.0
    least_propensity: Annotated[float, Field(ge=0.001, le=0.5)] = 0.01
    reward_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 24
    keep_days: Annotated[int, Field(ge=1, le=730)] = 180

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.arms)) < len(self.arms) or len(set(self.context)) < len(self.context):
            raise ValueError("two arms or two numbers of the context have the same name")
        if (self.learner == "fitted_q") is (self.steps == 1):
            raise ValueError("fitted_q takes two steps or more, lin_ts and lin_ucb take one")
        if self.least_propensity * len(self.arms) > 0.5:
            raise ValueError("least_propensity leaves less than half of the decisions to what is learned")
        return self

    def text(self) -> str:
        """Return the definition as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def read_policy_definition(text: str) -> PolicyDefinition:
    """Return the definition of a YAML document.

    Raises:
        PolicyDefinitionError: it is none.
    """
    if len(text) > _MOST_CHARACTERS:
        raise PolicyDefinitionError("the file", f"more than {_MOST_CHARACTERS:,} characters")
    try:
        return PolicyDefinition.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError):
        raise PolicyDefinitionError("the file", "no YAML") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise PolicyDefinitionError(place, str(first["msg"])) from None
