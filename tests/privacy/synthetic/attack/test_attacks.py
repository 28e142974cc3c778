"""Attacks find copies of people and find nothing in fresh rows of the same population."""

import numpy as np
import pytest

from privacy.synthetic.attack.attacks import inference, linkability, singling_out
from privacy.synthetic.attack.canary import make_up, plant_canaries
from privacy.synthetic.attack.membership import Membership, distance_membership, shadow_membership
from privacy.synthetic.attack.nearest import nearest, nearest_in_both
from privacy.synthetic.attack.risk import Rate, Risk
from privacy.synthetic.table_form import TableForm
from tests.privacy.synthetic.population import draw, form

TRAIN, CONTROL, FRESH = (form(draw(rows, seed)) for rows, seed in ((1500, 1), (1500, 2), (1500, 3)))


def infer(train: TableForm, control: TableForm, synthetic: TableForm) -> Risk:
    return inference(train, control, synthetic, 1500, secret="income")


@pytest.mark.parametrize("attack", [singling_out, linkability, infer])
def test_an_attack_finds_copied_people(attack) -> None:  # type: ignore[no-untyped-def]
    risk = attack(TRAIN, CONTROL, TRAIN)
    assert risk.exceeds(0.05)
    assert risk.low > 0.1
    assert risk.is_informative


@pytest.mark.parametrize("attack", [singling_out, linkability, infer])
def test_an_attack_finds_nothing_in_fresh_rows(attack) -> None:  # type: ignore[no-untyped-def]
    risk = attack(TRAIN, CONTROL, FRESH)
    assert not risk.exceeds(0.05)
    assert risk.low <= 0 <= risk.high


def test_singling_out_is_not_taken_in_by_a_control_table_of_another_size() -> None:
    few = CONTROL.sample(300, 0)
    assert not singling_out(TRAIN, few, FRESH).exceeds(0.0)


def test_intervals_of_a_risk_are_right_nineteen_times_in_twenty() -> None:
    random = np.random.default_rng(5)
    truth = (0.3 - 0.2) / (1 - 0.2)
    risks = [
        Risk.of("x", 500, int(random.binomial(500, 0.3)), 400, int(random.binomial(400, 0.2)), 0) for _ in range(2000)
    ]
    inside = np.mean([risk.low <= truth <= risk.high for risk in risks])
    assert 0.93 < inside < 0.975


def test_a_rate_without_attacks_says_nothing() -> None:
    assert Rate.of(0, 0) == Rate(0.0, 0.0, 1.0, 0)
    assert not Risk.of("x", 0, 0, 0, 0, 0).exceeds(0.05)


def test_nearest_rows_agree_with_a_search_of_all_distances() -> None:
    some, made = TRAIN.sample(60, 1), FRESH.sample(200, 2)
    names = list(some.columns)
    number = {"age": 72.0, "visits": 60.0, "spent": 2000.0}
    distance = np.zeros((60, 200))
    for place, name in enumerate(names):
        one, two = some.numbers[:, place][:, None], made.numbers[:, place][None]
        distance += np.abs(one - two) / number[name] if name in number else one != two
    far, index = nearest(some, made, names)
    assert np.allclose(far, distance.min(1), atol=1e-5)
    assert np.array_equal(distance[np.arange(60), index].round(5), distance.min(1).round(5))
    assert np.array_equal(
        nearest_in_both(some, made, names, names), np.isclose(distance.T, distance.min(1), atol=1e-6).sum(0)
    )


def test_membership_of_copied_people_is_found_and_of_others_is_not() -> None:
    assert distance_membership(TRAIN, CONTROL, TRAIN).exceeds(0.53)
    assert not distance_membership(TRAIN, CONTROL, FRESH).exceeds(0.53)


def test_shadow_models_find_a_generator_that_repeats_its_rows() -> None:
    def copies(rows: TableForm, seed: int) -> TableForm:
        return rows.sample(rows.rows // 2, seed)

    def honest(rows: TableForm, seed: int) -> TableForm:
        return form(draw(rows.rows, 100 + seed))

    assert shadow_membership(TRAIN, CONTROL, copies(TRAIN, 0), copies).exceeds(0.53)
    found = shadow_membership(TRAIN, CONTROL, FRESH, honest)
    assert not found.exceeds(0.53)
    assert found.low < 0.5 < found.high


def test_canaries_prove_a_leak_and_no_leak_is_proven_where_there_is_none() -> None:
    def copies(rows: TableForm, seed: int) -> TableForm:
        return rows

    def honest(rows: TableForm, seed: int) -> TableForm:
        return form(draw(rows.rows, 100 + seed))

    leaking = plant_canaries(TRAIN, FRESH, copies, make_up(TRAIN, 200, 0))
    assert leaking.right > 0.9 * leaking.guesses
    assert leaking.epsilon > 2
    assert leaking.contradicts(1.0)
    assert not leaking.contradicts(20.0)
    silent = plant_canaries(TRAIN, FRESH, honest, make_up(TRAIN, 200, 0))
    assert silent.epsilon < 0.5, "95 % of the lower bounds of an honest generator are 0, and none is far from it"
    assert not silent.contradicts(1.0)


def test_the_interval_of_an_auc_covers_guessing() -> None:
    random = np.random.default_rng(1)
    found = [Membership.of(random.random(300), random.random(200)) for _ in range(200)]
    assert 0.9 < np.mean([one.low <= 0.5 <= one.high for one in found]) <= 0.99
    assert not any(one.exceeds(0.5) for one in found)
