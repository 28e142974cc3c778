"""The noise of a fit is sized by the accounting, and the accounting agrees with an independent one."""

import numpy as np
import pytest
from dp_accounting import dp_event
from dp_accounting.pld import pld_privacy_accountant

from privacy.synthetic.accounting import delta_of, epsilon_of, mu_of, spent_mu
from privacy.synthetic.coding import codings, encode
from privacy.synthetic.fit import cost_of, expected_scales
from privacy.synthetic.marginal import measurement
from privacy.synthetic.marginal.measurement import exact_counts, measure, plan_measurements
from privacy.synthetic.noise import ROUNDING, add_fine_noise
from tests.privacy.synthetic.people import draw_people, events_specification, people_specification


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 1e-6), (1.0, 1e-6), (4.0, 1e-5)])
def test_epsilon_agrees_with_an_independent_accountant(epsilon: float, delta: float) -> None:
    mu = mu_of(epsilon, delta)
    accountant = pld_privacy_accountant.PLDAccountant()
    accountant.compose(dp_event.ComposedDpEvent([dp_event.GaussianDpEvent(2 / mu)] * 4))
    assert accountant.get_epsilon(delta) == pytest.approx(epsilon, rel=2e-3)
    assert epsilon_of(mu, delta) == pytest.approx(epsilon)


def test_gaussian_accounting_allows_more_than_zcdp() -> None:
    assert cost_of(people_specification(epsilon=1.0)).nano_rho / 1e9 == pytest.approx(0.0280, abs=5e-5)


def hockey_stick(scale: float, shift: int, epsilon: float) -> float:
    """Return δ(ε) of discrete Gaussian noise between numbers at a distance of `shift`, by summing all outcomes."""
    outcomes = np.arange(-int(12 * scale) - shift, int(12 * scale) + shift + 1)
    one, other = (np.exp(-((outcomes - at) ** 2) / (2 * scale**2)) for at in (0, shift))
    one, other = one / one.sum(), other / other.sum()
    return float(np.maximum(one - np.exp(epsilon) * other, 0).sum())


@pytest.mark.parametrize("mu", [0.02, 0.3, 1.0, 3.0])
def test_discrete_noise_is_as_private_as_the_stated_continuous_noise(mu: float) -> None:
    _, scale = add_fine_noise(np.zeros(1, np.int64), 1.0, mu)
    steps = 2 ** max(0, int(np.ceil(np.log2(64 * mu))))
    assert 1 / scale <= mu
    drawn = np.sqrt((scale * steps) ** 2 + ROUNDING**2)
    for epsilon in np.linspace(0.1 * mu, 4 * mu, 40):
        assert hockey_stick(drawn, steps, epsilon) <= delta_of(mu, epsilon) * (1 + 1e-9) + 1e-15


def test_noise_on_a_coarse_grid_would_be_less_private_than_stated() -> None:
    assert any(hockey_stick(1.0, 1, epsilon) > delta_of(1.0, epsilon) * 1.01 for epsilon in np.linspace(0.1, 4, 40))


def deviation(rows_per_unit: int, share: float) -> tuple[float, float]:
    """Return the deviation of the errors of a fit's measurements, in units of their recorded scales, and their μ."""
    columns = codings(people_specification())
    coded = encode(draw_people(500, 1), columns)
    plan = plan_measurements(columns, rows_per_unit)
    sizes = {name: coding.size for name, coding in columns.items()}
    errors, spent = [], []
    for _ in range(20):
        measured = measure(coded, columns, plan, share)
        spent.append(spent_mu(scale / rows_per_unit for scale in measured.scales.values()))
        errors += [(one.counts - exact_counts(coded.coarse, sizes, one.clique)) / one.scale for one in measured.pairs]
    return float(np.concatenate(errors).std()), max(spent)


@pytest.mark.parametrize("rows_per_unit", [1, 3])
def test_noise_of_a_fit_has_the_recorded_deviation_and_costs_the_budget(rows_per_unit: int) -> None:
    found, spent = deviation(rows_per_unit, 1.0)
    assert found == pytest.approx(1.0, abs=0.08)
    assert 0.998 < spent <= 1.0


def test_noise_below_the_recorded_deviation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(values: object, sensitivity: float, mu: float) -> object:
        drawn, scale = add_fine_noise(values, sensitivity, 2 * mu)  # type: ignore[arg-type]
        return drawn, 2 * scale

    monkeypatch.setattr(measurement, "add_fine_noise", half)
    assert deviation(1, 1.0)[0] < 0.6


def test_every_measurement_has_a_name_that_the_gate_expects() -> None:
    columns = codings(people_specification())
    measured = measure(encode(draw_people(50, 1), columns), columns, plan_measurements(columns, 1), 1.0)
    assert measured.scales.keys() == expected_scales(people_specification())
    assert {"hour:0", "hour:1", "number:price:1", "first", "people:~visits"} <= expected_scales(events_specification())
