"""Compares ε with `dp-accounting`'s, and with what a membership attack on noisy sums proves.

The attacker knows every customer but one, whose contribution has the largest norm, and sees many noisy sums with and
without that customer. The bound that it proves holds with 99.9 % confidence.
"""

from __future__ import annotations

import math

import numpy as np
from dp_accounting import GaussianDpEvent, SelfComposedDpEvent
from dp_accounting.pld import PLDAccountant
from scipy.stats import beta

from bench.claim import Claim
from bench.options import make_parser
from federated.secure.accounting import PrivacySpent
from federated.secure.noise import NoiseTerms

DELTA = 1e-5
SITES = 4


def proven_epsilon(terms: NoiseTerms, trials: int) -> float:
    """Return the ε at δ that the attack proves: ln((hits − δ) / false alarms), bounded by Clopper and Pearson."""
    # The projection onto the customer's contribution decides best, so one value a sum is enough.
    noise = [np.sum([terms.draw(trials) for _ in range(SITES)], axis=0) / terms.sensitivity for _ in range(2)]
    inside, outside = noise[0] + 1, noise[1]
    half = trials // 2
    best, proven = 0.0, 0.0
    for at in np.quantile(outside[:half], np.linspace(0.5, 0.999, 80)):
        found = _bound(inside[:half], outside[:half], float(at))
        if found > best:
            best, proven = found, _bound(inside[half:], outside[half:], float(at))
    return proven


def _bound(inside: np.ndarray, outside: np.ndarray, at: float) -> float:
    hits, alarms = int((inside > at).sum()), int((outside > at).sum())
    least = beta.ppf(0.0005, hits, len(inside) - hits + 1) if hits else 0.0
    most = beta.ppf(0.9995, alarms + 1, len(outside) - alarms)
    return math.log(max(least - DELTA, 1e-300) / most)


def main() -> None:
    """Measure and print each claim."""
    trials = 20_000 if make_parser(__doc__).parse_args().quick else 200_000
    for multiplier, rounds in ((1.0, 1), (2.0, 10), (10.0, 50)):
        terms = NoiseTerms(2.0**20, multiplier, SITES)
        spent = PrivacySpent(rounds * terms.rho(1000), DELTA)
        event = SelfComposedDpEvent(GaussianDpEvent(multiplier), rounds)
        exact = PLDAccountant(value_discretization_interval=1e-3).compose(event).get_epsilon(DELTA)
        name = f"noise multiplier {multiplier:g}, {rounds} rounds"
        print(f"{name}: ε {spent.epsilon:.4f} by theorem, {spent.epsilon_gaussian:.4f} of Gaussian noise")
        off = abs(spent.epsilon_gaussian / exact - 1)
        Claim(f"difference of ε from dp-accounting's, {name}", off, "ratio", bar=0.02).print_json()
    terms = NoiseTerms(2.0**20, 1.0, SITES)
    claim = PrivacySpent(terms.rho(1), DELTA).epsilon_gaussian
    name = "ε proven by a membership attack, ε claimed as its bar"
    Claim(name, proven_epsilon(terms, trials), "ε", bar=claim).print_json()


if __name__ == "__main__":
    main()
