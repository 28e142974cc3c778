import math
from collections import Counter

import pytest
from scipy.stats import chisquare, kstest, norm

from privacy.dp.errors import BadQuestion
from privacy.dp.mechanism import add_gaussian, approximate_epsilon, gaussian_scale, select_keys

RUNS = 50_000


def chi_square_p(draws: list[int], scale: float) -> float:
    """Returns the p-value of a chi-square test of whole numbers against the discrete Gaussian of that scale.

    Each tail is one cell.
    """
    most = math.ceil(3 * scale)
    weight = {at: math.exp(-(at**2) / (2 * scale**2)) for at in range(-40 * most, 40 * most + 1)}
    whole = sum(weight.values())
    found, expected = Counter(max(-most, min(most, draw)) for draw in draws), Counter[int]()
    for at, mass in weight.items():
        expected[max(-most, min(most, at))] += mass / whole * len(draws)  # type: ignore[assignment]
    cells = sorted(expected)
    return float(chisquare([found[at] for at in cells], [expected[at] for at in cells]).pvalue)


@pytest.mark.parametrize(("sensitivity", "rho"), [(1.0, 0.5), (2.0, 0.125), (math.sqrt(10), 0.5)])
def test_the_noise_follows_the_discrete_gaussian_of_its_scale(sensitivity: float, rho: float) -> None:
    draws, scale = add_gaussian([0] * RUNS, sensitivity, rho)
    assert scale == pytest.approx(sensitivity / math.sqrt(2 * rho))
    assert chi_square_p(draws, scale) > 1e-4
    # Negative control: the test detects noise of a scale that is 7 % off.
    assert chi_square_p(draws, scale * 1.07) < 1e-6


def test_large_noise_is_close_to_the_normal_distribution() -> None:
    draws, scale = add_gaussian([0] * RUNS, 1000.0, 0.5)
    assert kstest(draws, norm(scale=scale).cdf).pvalue > 1e-4
    assert kstest(draws, norm(scale=scale * 0.95).cdf).pvalue < 1e-4


@pytest.mark.parametrize("rho", [0, -1, math.inf, math.nan])
def test_a_rho_that_is_not_positive_and_finite_is_refused(rho: float) -> None:
    with pytest.raises(BadQuestion, match="rho"):
        gaussian_scale(1.0, rho)


def test_rare_keys_are_hidden_and_frequent_keys_are_released() -> None:
    found, _, threshold = select_keys({"rare": 1, "frequent": 10_000}, groups=3, rho=0.5, delta=1e-6)
    assert set(found) == {"frequent"}
    assert threshold > 5
    assert select_keys({}, groups=3, rho=0.5, delta=1e-6)[0] == {}


@pytest.mark.parametrize("rho", [0.01, 0.5, 3.0])
def test_epsilon_is_no_less_than_the_exact_gaussian_curve_and_no_more_than_the_simple_bound(rho: float) -> None:
    from tests.privacy.dp.audit import epsilon_of_mu

    epsilon = approximate_epsilon(rho, 0.0, 1e-6)
    assert epsilon_of_mu(math.sqrt(2 * rho)) <= epsilon <= rho + 2 * math.sqrt(rho * math.log(1e6))
