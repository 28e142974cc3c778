"""A site's vector with differential privacy per customer: clipped, debited on the site's ledger, then with noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from federated.errors import BadSetting
from federated.fixed_point import FixedPoint
from federated.plan import Plan
from federated.schema import SiteTable
from federated.secure.accounting import PrivacySpent
from federated.secure.noise import NoiseTerms, add_noise
from federated.task import PrivateTask, State

_FLOAT_MARGIN = 1 + 1e-9  # Scaling to a norm of `clip` is exact to about 10⁻¹⁵.


def noise_terms(plan: Plan, codec: FixedPoint) -> NoiseTerms:
    """Returns the noise of a round of a plan with privacy.

    A customer of several sites adds up to `clip` at each. Rounding to whole steps moves each value of a sum by less
    than 1, so √size steps are added to the sensitivity. Unmasked, a site's own vector is seen, so each site adds all
    of the noise.
    """
    privacy = plan.privacy
    if privacy is None:
        raise BadSetting(f"Run {plan.run!r} has no `privacy`, so no noise is sized for it.")
    steps = math.ldexp(privacy.clip * privacy.sites_of_customer * _FLOAT_MARGIN, min(codec.exponents.values()))
    shares = plan.sites_min if plan.is_secure else 1
    return NoiseTerms(
        steps + privacy.sites_of_customer * math.sqrt(codec.size),
        privacy.noise_multiplier,
        shares,
        min(privacy.colluders, shares - 1),
    )


def cost_of_run(plan: Plan, rounds: int, delta: float) -> PrivacySpent:
    """Returns what so many rounds cost a customer, before any is run."""
    codec = plan.codec(plan.task.start(plan.schema))
    return PrivacySpent(rounds * noise_terms(plan, codec).rho(codec.size), delta)


def private_vector(
    plan: Plan, codec: FixedPoint, state: State, data: SiteTable, debit: Callable[[float], None]
) -> NDArray[np.uint64]:
    """Returns the site's clipped sums with its share of the noise.

    `debit` gets ρ of the round and raises when the budget does not allow it; no noise is drawn before it returns.
    With M the sum of the vectors of `sites_min` or more sites, D_α(M(D) ‖ M(D')) ≤ ρ·α for all data D, D' that
    differ in all rows of one customer, and all α > 1.
    """
    if plan.privacy is None or not isinstance(plan.task, PrivateTask):
        raise BadSetting(f"Task {plan.task.name!r} cannot clip contributions per customer.")
    terms = noise_terms(plan, codec)
    clipped = codec.encode(plan.task.contribute_each(state, data, plan.privacy.clip))
    debit(terms.rho(codec.size))
    return add_noise(clipped, terms.draw(codec.size))
