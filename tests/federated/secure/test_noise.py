"""Noise in shares: its size, what a membership attack gets out of it, and what the accounting says."""

import math

import numpy as np
import pytest
from dp_accounting import GaussianDpEvent, SelfComposedDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from scipy.stats import beta, chisquare, norm

from federated.secure.accounting import PrivacySpent, epsilon_of, gaussian_epsilon
from federated.secure.errors import UnsafeTerms
from federated.secure.noise import NoiseTerms, add_noise, rho_of_shares

DELTA = 1e-5
# Finer and higher than the accountant's own orders, which miss the best one at small ε.
ORDERS = 1 + np.geomspace(0.01, 1e5, 2000)


def summed(terms: NoiseTerms, sites: int, size: int) -> np.ndarray:
    return np.sum([terms.draw(size) for _ in range(sites)], axis=0)


def fits_normal(noise: np.ndarray, sigma: float) -> bool:
    edges = norm.ppf(np.linspace(0, 1, 41)) * sigma
    counts, _ = np.histogram(noise, np.clip(edges, -1e18, 1e18))
    return bool(chisquare(counts).pvalue > 1e-6)


def test_the_noise_of_the_fewest_sites_adds_up_to_the_declared_deviation() -> None:
    terms = NoiseTerms(sensitivity=1000.0, noise_multiplier=1.5, sites_min=5)
    noise = summed(terms, 5, 20_000)
    assert fits_normal(noise, 1500)
    # Negative controls: noise of another size, and of one site fewer than the terms accept.
    assert not fits_normal(noise, 1500 * 1.06)
    assert not fits_normal(summed(terms, 4, 20_000), 1500)


def test_noise_is_sized_for_the_sites_that_do_not_collude() -> None:
    terms = NoiseTerms(sensitivity=1000.0, noise_multiplier=1.5, sites_min=5, colluders=2)
    assert fits_normal(summed(terms, 3, 20_000), 1500)


def test_noise_survives_addition_modulo_two_to_the_64() -> None:
    values = np.array([5, 2**64 - 5], dtype=np.uint64)
    assert add_noise(values, np.array([-7, 7])).view(np.int64).tolist() == [-2, 2]


@pytest.mark.parametrize("rounds", [1, 7, 100])
@pytest.mark.parametrize("multiplier", [0.7, 2.0, 20.0])
def test_epsilon_agrees_with_dp_accounting_within_two_percent(rounds: int, multiplier: float) -> None:
    size = 500
    terms = NoiseTerms(sensitivity=2.0**20, noise_multiplier=multiplier, sites_min=34)
    spent = PrivacySpent(rounds * terms.rho(size), DELTA)
    event = SelfComposedDpEvent(GaussianDpEvent(multiplier), rounds)
    renyi = RdpAccountant(ORDERS).compose(event).get_epsilon(DELTA)
    exact = PLDAccountant(value_discretization_interval=1e-3).compose(event).get_epsilon(DELTA)
    assert spent.epsilon == pytest.approx(renyi, rel=0.02)
    assert spent.epsilon_gaussian == pytest.approx(exact, rel=0.02)
    assert spent.epsilon_gaussian <= spent.epsilon
    # Negative control: noise that is 5 % smaller than declared is noticed.
    short = PrivacySpent(rounds * terms.rho(size) / 0.95**2, DELTA)
    assert short.epsilon_gaussian != pytest.approx(exact, rel=0.02)


def test_the_gap_between_summed_and_single_noise_is_charged() -> None:
    """With σ₁ = 0.5 steps the sum of discrete Gaussians is not a discrete Gaussian, and ρ says so."""
    assert rho_of_shares(1.0, 8.0, 50, 10_000) == pytest.approx(1 / (2 * 50 * 64), rel=1e-12)
    assert rho_of_shares(1.0, 0.5, 50, 10_000) > 2 * (1 / (2 * 50 * 0.25))


def test_terms_that_give_no_privacy_are_refused() -> None:
    for sensitivity, multiplier in ((0.0, 1.0), (math.inf, 1.0), (1000.0, math.nan), (1000.0, 0.0)):
        with pytest.raises(UnsafeTerms, match="finite and above 0"):
            NoiseTerms(sensitivity, multiplier, 5)
    with pytest.raises(UnsafeTerms, match="expected 8 to"):
        NoiseTerms(1.0, 1.0, 5)
    with pytest.raises(UnsafeTerms, match="expected 8 to"):
        NoiseTerms(2.0**61, 1.0, 5)
    with pytest.raises(UnsafeTerms, match="5 of 5 sites collude"):
        NoiseTerms(1000.0, 1.0, 5, colluders=5)
    with pytest.raises(UnsafeTerms, match="δ between 0 and 1"):
        epsilon_of(1.0, 0.0)


def test_no_budget_spent_is_no_epsilon() -> None:
    assert epsilon_of(0.0, DELTA) == gaussian_epsilon(0.0, DELTA) == 0.0


def attacked_epsilon(terms: NoiseTerms, sites: int, trials: int) -> float:
    """Return the ε that a membership attack proves at δ, with 99.9 % confidence.

    The attacker knows every customer but one, whose contribution is the longest possible, and sees noisy sums with and
    without that customer. It guesses by the projection onto the contribution, with the threshold of half the trials.
    """
    size = 2
    direction = np.array([0.6, -0.8]) * terms.sensitivity
    others = np.random.default_rng(3).integers(0, 2**40, size).astype(np.int64)

    def scores(is_in: bool) -> np.ndarray:
        customer = np.trunc(direction).astype(np.int64) if is_in else np.zeros(size, dtype=np.int64)
        noise = summed(terms, sites, trials * size).reshape(trials, size) if sites else 0
        sums = add_noise((others + customer).view(np.uint64), np.broadcast_to(noise, (trials, size)).copy())
        return (sums.view(np.int64) - others) @ direction / terms.sensitivity

    inside, outside = scores(True), scores(False)
    half = trials // 2
    candidates = np.quantile(np.concatenate([inside[:half], outside[:half]]), np.linspace(0.02, 0.98, 49))

    def proven(inside: np.ndarray, outside: np.ndarray, at: float) -> float:
        hits, false_alarms = int((inside > at).sum()), int((outside > at).sum())
        least_hits = beta.ppf(0.0005, hits, len(inside) - hits + 1) if hits else 0.0
        most_alarms = beta.ppf(0.9995, false_alarms + 1, len(outside) - false_alarms)
        return math.log(max(least_hits - DELTA, 1e-300) / most_alarms)

    best = max(candidates, key=lambda at: proven(inside[:half], outside[:half], at))
    return max(0.0, proven(inside[half:], outside[half:], best))


def test_a_membership_attack_stays_below_the_claim_and_finds_noise_that_is_too_small() -> None:
    terms = NoiseTerms(sensitivity=2.0**16, noise_multiplier=1.0, sites_min=4)
    claim = PrivacySpent(terms.rho(2), DELTA)
    proven = attacked_epsilon(terms, 4, 6000)
    assert 0.5 < proven < claim.epsilon_gaussian
    # Negative controls: one site's noise alone (an attack has to prove more than the claim at σ / 3), and none.
    small = NoiseTerms(sensitivity=2.0**16, noise_multiplier=1 / 6, sites_min=4)
    assert attacked_epsilon(small, 4, 6000) > claim.epsilon_gaussian
    assert attacked_epsilon(terms, 0, 6000) > claim.epsilon_gaussian
