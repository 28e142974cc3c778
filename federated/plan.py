"""What server and sites agree on for a run (`Plan`), and what a site demands before it takes part (`SitePolicy`)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from hashlib import sha256
from typing import Any

from federated.errors import BadSetting, SchemaMismatch, SiteRefused
from federated.fixed_point import FixedPoint
from federated.schema import TableSchema
from federated.secure.noise import NoiseTerms
from federated.secure.round_terms import RoundTerms
from federated.task import PrivateTask, State, Task, task_from_json, task_to_json

SENSITIVITY_MARGIN = 1.001
"""A sum of up to 10⁶ rows in floating point differs from the exact sum by less than 10⁻³ of the clip; most tasks add
parts that are cut to whole steps, which is exact. Rounding each value to a step of the fixed point changes it by at
most one step, hence the root of the number of values in `Plan.noise`."""


@dataclass(frozen=True)
class Privacy:
    """Differential privacy per customer of every round's sum.

    Attributes:
        clip: largest L2 norm of one customer's contribution to a round.
        noise_multiplier: standard deviation of the noise in the sum, as a multiple of `clip`, when the fewest
            accepted sites take part.
        colluders: sites that may tell the server their own noise; the noise of the others alone reaches the multiplier.
        sites_of_customer: the most sites that one person is a customer of; each of them contributes up to `clip`.
    """

    clip: float
    noise_multiplier: float
    colluders: int = 0
    sites_of_customer: int = 1

    def __post_init__(self) -> None:
        if not (self.clip > 0 and self.noise_multiplier > 0):
            raise BadSetting("`clip` and `noise_multiplier` must be above 0. For a run without noise, name no privacy.")
        if self.sites_of_customer < 1 or self.colluders < 0:
            raise BadSetting("`sites_of_customer` must be at least 1 and `colluders` at least 0.")


@dataclass(frozen=True)
class Plan:
    """The settings of a run. Every message carries them, and a site checks them against its policy each time.

    Attributes:
        run: name of the run; rounds of another run are refused.
        task: the model.
        schema: the table that every site reads.
        sites_min: the fewest sites whose sum is accepted in a round; noise is sized for them.
        sites_max: the most sites that take part; it sizes the fixed-point numbers.
        rounds_max: the run ends after as many rounds, done or not.
        is_secure: sums are masked, so that the server learns no site's own values.
        privacy: noise, or None for exact sums.
        timeout_seconds: how long the server waits for answers to one message.
        held_share: share of each site's customers whose rows train nothing, so that `Step.REPORT` measures on them.
    """

    run: str
    task: Task
    schema: TableSchema
    sites_min: int = 2
    sites_max: int = 64
    rounds_max: int = 50
    is_secure: bool = True
    privacy: Privacy | None = None
    timeout_seconds: float = 120.0
    held_share: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.sites_min <= self.sites_max:
            raise BadSetting(f"Expected 1 <= `sites_min` <= `sites_max`, got {self.sites_min} and {self.sites_max}.")
        if self.is_secure and self.sites_min < 3:
            raise BadSetting(
                "A masked sum needs `sites_min` of at least 3: with 2 sites, each learns the other's values."
            )
        if self.rounds_max < 1 or self.timeout_seconds <= 0:
            raise BadSetting("`rounds_max` must be at least 1 and `timeout_seconds` above 0.")
        if not 0 <= self.held_share < 1:
            raise BadSetting(f"`held_share` must be at least 0 and below 1, got {self.held_share}.")
        if self.privacy and not isinstance(self.task, PrivateTask):
            raise BadSetting(f"Task {self.task.name!r} cannot clip contributions per customer, so it takes no noise.")
        if self.privacy and not getattr(self.task, "is_private", True):
            raise BadSetting(f"Task {self.task.name!r} needs its setting `is_private` in a run with noise.")

    def codec(self, state: State) -> FixedPoint:
        """Returns the encoding of the round that the state is in."""
        return FixedPoint(tuple(self.task.shapes(state)), self.sites_max, self.privacy is not None)

    def noise(self, codec: FixedPoint) -> NoiseTerms:
        """Returns the noise of one site in a round. In an unmasked run each site's own noise must be enough alone."""
        if self.privacy is None:
            raise BadSetting("This run has no noise.")
        steps = self.privacy.clip * 2.0 ** min(codec.exponents.values())
        sensitivity = self.privacy.sites_of_customer * (steps * SENSITIVITY_MARGIN + math.sqrt(codec.size))
        shares, colluders = (self.sites_min, self.privacy.colluders) if self.is_secure else (1, 0)
        return NoiseTerms(sensitivity, self.privacy.noise_multiplier, shares, colluders)

    def rho(self, codec: FixedPoint) -> float:
        """Returns the privacy cost of one round, 0 without noise."""
        return self.noise(codec).rho(codec.size) if self.privacy else 0.0

    def terms(self, session: int, number: int, length: int) -> RoundTerms:
        """Returns the terms of a masked round; a resumed server opens a new session, so no terms occur twice."""
        return RoundTerms(f"{self.run}/{session}", number, length, self.sites_min)

    def to_json(self) -> str:
        """Returns the plan as JSON that `from_json` reads."""
        body = {field.name: getattr(self, field.name) for field in fields(self)}
        body |= {"task": json.loads(task_to_json(self.task)), "schema": asdict(self.schema)}
        return json.dumps(body | {"privacy": self.privacy and asdict(self.privacy)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Reads a plan that `to_json` wrote, or that a person wrote in its form."""
        try:
            body = json.loads(text)
            body["task"] = task_from_json(json.dumps(body["task"]))
            body["schema"] = TableSchema.from_json(json.dumps(body["schema"]))
            body["privacy"] = Privacy(**body["privacy"]) if body.get("privacy") else None
            return cls(**body)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise BadSetting(f"This is no plan of a run: {error}") from None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the plan: a checkpoint continues only the plan that made it."""
        return sha256(self.to_json().encode()).hexdigest()


@dataclass(frozen=True)
class SitePolicy:
    """What a site demands. Its operator sets it; no message can change it.

    Attributes:
        secure_only: the site's own values leave only masked.
        private_only: they leave only with noise.
        sites_min: the fewest sites in a sum that the site joins.
        noise_multiplier_min: the least noise where there is noise.
        schemas: fingerprints of the schemas that the site reads, separated by commas; empty for any that its adapter
            accepts.
    """

    secure_only: bool = True
    private_only: bool = False
    sites_min: int = 3
    noise_multiplier_min: float = 0.0
    schemas: str = ""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SitePolicy:
        """Reads the policy from a node's configuration: keys with hyphens, such as `secure-only`."""
        found = {field.name: config[key] for field in fields(cls) if (key := field.name.replace("_", "-")) in config}
        for name, value in found.items():
            expected = type(getattr(cls, name))
            if not isinstance(value, expected) and not (expected is float and isinstance(value, int)):
                raise BadSetting(f"`{name.replace('_', '-')}` must be of type {expected.__name__}, got {value!r}.")
        return cls(**found)

    def check(self, plan: Plan) -> None:
        """Raises unless the plan gives what the site demands.

        Raises:
            SiteRefused: the plan protects less than the policy demands.
            SchemaMismatch: the plan reads a schema that the site does not give.
        """
        if self.secure_only and not plan.is_secure:
            raise SiteRefused("This site gives masked sums only (`secure-only`), and the run is unmasked.")
        if self.private_only and plan.privacy is None:
            raise SiteRefused("This site gives sums with noise only (`private-only`), and the run has none.")
        if plan.sites_min < self.sites_min:
            raise SiteRefused(
                f"This site joins sums of at least {self.sites_min} sites; the run takes {plan.sites_min}."
            )
        if plan.privacy and plan.privacy.noise_multiplier < self.noise_multiplier_min:
            raise SiteRefused(f"This site demands a noise multiplier of at least {self.noise_multiplier_min:g}.")
        if self.schemas and plan.schema.fingerprint not in self.schemas.split(","):
            raise SchemaMismatch(f"This site does not give the schema {plan.schema.fingerprint[:12]}….")
