"""Makes the plan of a run, which server and sites agree on, from the declaration of a model."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields, replace

from features.repo.feature_encoding import EncodedColumn
from federated.errors import FederatedError
from federated.plan import Plan, Privacy
from federated.schema import Column, TableSchema
from federated.secure.errors import UnsafeTerms
from federated.secure.round_terms import require_safe
from federated.task import Task, task_from_json
from pipelines.errors import ReleaseError
from pipelines.release.declaration import ModelRelease, NoiseTerms


def schema_of(release: ModelRelease, columns: Sequence[EncodedColumn]) -> TableSchema:
    """Return the schema of the training table: the encoded features with their public bounds, and the outcome."""
    features = tuple(
        Column(one.name, "binary" if one.is_binary else "number", one.lower, one.upper) for one in columns
    )  # fmt: skip
    target = Column(f"{release.name}_outcome", "binary", 0.0, 1.0)
    return TableSchema(features, target, release.training.rows_max)


def task_of(release: ModelRelease) -> Task:
    """Return the declared task.

    Raises:
        ReleaseError: there is no such task, or it has no such setting.
    """
    try:
        return task_from_json(json.dumps(dict(release.task)))
    except FederatedError as error:
        raise ReleaseError(f"{release.name}.yaml: {error}") from error


def plan_of(release: ModelRelease, columns: Sequence[EncodedColumn], run: str, sites: int) -> Plan:
    """Return the plan of a run.

    Args:
        release: the declaration.
        columns: the encoded features.
        run: name of the run, new for each run.
        sites: how many sites there are; it sizes the fixed-point numbers.

    Raises:
        ReleaseError: the declaration and the task do not fit together, or `sites_min` is too small for masked sums.
    """
    try:
        plan = Plan(
            run=run, task=task_of(release), schema=schema_of(release, columns), sites_min=release.sites_min,
            sites_max=max(sites, release.sites_min), rounds_max=release.rounds, is_secure=release.is_secure,
            held_share=release.held_share,
        )  # fmt: skip
        if plan.is_secure:
            require_safe(plan.sites_max, plan.sites_min)
        return plan if release.privacy is None else _with_noise(plan, release.privacy)
    except UnsafeTerms as error:
        raise ReleaseError(f"{release.name}.yaml: {error}. Raise `sites_min`.") from error
    except FederatedError as error:
        raise ReleaseError(f"{release.name}.yaml: {error}") from error


def plan_difference(release: ModelRelease, columns: Sequence[EncodedColumn], plan: Plan) -> list[str]:
    """Return the settings in which a plan differs from the one of the declaration. Run, sites and time-out may differ.

    Raises:
        ReleaseError: the declaration and the task do not fit together.
    """
    own = plan_of(release, columns, plan.run, plan.sites_max)
    free = {"run", "sites_max", "timeout_seconds"}
    names = [field.name for field in fields(Plan) if field.name not in free]
    return [name.removeprefix("is_") for name in names if getattr(own, name) != getattr(plan, name)]


def cost_of(plan: Plan, rounds: int | None = None) -> float:
    """Return ρ of some rounds of a run, all by default; 0 without noise. Costs of rounds add up."""
    return plan.rho(plan.codec(plan.task.start(plan.schema))) * (plan.rounds_max if rounds is None else rounds)


def _with_noise(plan: Plan, terms: NoiseTerms) -> Plan:
    """Return the plan with the least noise for which all rounds together cost at most the declared ρ.

    A sum of L2 sensitivity `clip` with Gaussian noise of σ = m · clip is ρ-zCDP with ρ = 1 / (2m²). Neighbouring
    tables differ in all rows of one customer. The plan's own accounting adds what rounding and shares cost.
    """
    multiplier = math.sqrt(plan.rounds_max / (2 * terms.rho))
    noise = Privacy(terms.clip, multiplier, terms.colluders, terms.sites_of_customer)
    noisy = replace(plan, privacy=noise)
    while (cost := cost_of(noisy)) > terms.rho:
        multiplier *= math.sqrt(cost / terms.rho) * (1 + 1e-9)
        noisy = replace(plan, privacy=replace(noise, noise_multiplier=multiplier))
    return noisy
