from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.anonymity.attack import inference, linkability, singling_out, singling_out_by_guess, wilson
from privacy.anonymity.risk import highest_risk_rows, measure_risk, slide_negative_binomial_uniques
from privacy.anonymity.utility import label_cover, measure_utility


def test_risks_by_hand() -> None:
    table = pd.DataFrame({"a": ["x", "x", "x", "y", "y", "z"], "who": [1, 2, 3, 4, 4, 5]})
    risk = measure_risk(table, ["a"])
    assert (risk.highest_prosecutor, risk.unique, risk.classes) == (1.0, 1, 3)
    assert risk.mean_prosecutor == pytest.approx((3 / 3 + 2 / 2 + 1) / 6)
    assert risk.at_risk[0.33] == pytest.approx(1.0)
    assert measure_risk(table, ["a"], person="who").unique == 2
    population = pd.DataFrame({"a": ["x"] * 50 + ["y"] * 20 + ["z"] * 4})
    assert measure_risk(table, ["a"], population=population).highest_journalist == pytest.approx(0.25)
    assert list(highest_risk_rows(table, ["a"], 1)) == [5]


def test_population_uniques_are_near_the_truth() -> None:
    random = np.random.default_rng(4)
    population = pd.DataFrame({"a": random.geometric(0.002, 40_000), "b": random.integers(0, 12, 40_000)})
    truth = int((population.groupby(["a", "b"]).size() == 1).sum())
    sample = population.sample(8_000, random_state=1)
    risk = measure_risk(sample, ["a", "b"], population_size=40_000)
    assert risk.population_unique_pitman is not None
    assert risk.population_unique_zero_inflated is not None
    assert 0.3 * truth < risk.population_unique_pitman < 3 * truth
    assert risk.population_unique_zero_inflated < risk.unique


@pytest.mark.parametrize(("r", "p"), [(0.5, 0.1), (2.0, 0.3), (0.2, 0.02)])
def test_a_slide_negative_binomial_population_is_recognised(r: float, p: float) -> None:
    random = np.random.default_rng(8)
    people = 1 + random.negative_binomial(r, p, 20_000)
    sampled = random.binomial(people, 0.2)
    found = slide_negative_binomial_uniques(sampled[sampled > 0], int(people.sum()))
    assert found == pytest.approx((people == 1).sum(), rel=0.15)


def test_no_population_no_estimate_and_a_census_counts() -> None:
    sizes = np.array([1, 1, 3])
    assert slide_negative_binomial_uniques(sizes, None) is None
    assert slide_negative_binomial_uniques(sizes, 5) == 2


def test_wilson_interval_of_a_known_case() -> None:
    """Wilson 1927: 0 of 10 gives an upper bound of 0.278."""
    assert wilson(0, 10)[2] == pytest.approx(0.2775, abs=1e-3)


def test_attacks_win_on_raw_data_and_fail_on_one_class() -> None:
    random = np.random.default_rng(1)
    raw = pd.DataFrame({"a": random.integers(0, 300, 600).astype(str), "b": random.integers(0, 40, 600).astype(str)})
    raw["s"] = random.integers(0, 5, 600).astype(str)
    target, control = raw.iloc[:400], raw.iloc[400:]
    columns = ["a", "b"]
    open_cover = {name: label_cover(raw[name], list(raw[name].unique())) for name in columns}
    hidden = target.assign(a="*", b="*")
    hidden_cover = {name: label_cover(raw[name], ["*"]) for name in columns}
    assert singling_out(target[columns], target[columns], open_cover).low > 0.5
    assert singling_out(target[columns], hidden[columns], hidden_cover).risk == 0.0
    assert singling_out_by_guess(target[columns], target[columns], open_cover).low > 0.5
    assert singling_out_by_guess(target[columns], hidden[columns], hidden_cover).risk < 0.1
    assert linkability(target, control, target, open_cover, (["a"], ["b"])).low > 0.3
    assert linkability(target, control, hidden, hidden_cover, (["a"], ["b"])).high < 0.05
    assert inference(target, control, target, open_cover, "s").low > 0.5
    assert inference(target, control, hidden, hidden_cover, "s").low == 0.0


def test_attacks_without_a_control_take_the_targets_own_rows_out() -> None:
    random = np.random.default_rng(1)
    raw = pd.DataFrame({"a": np.arange(300).astype(str), "b": random.integers(0, 40, 300).astype(str)})
    raw["s"] = random.integers(0, 5, 300).astype(str)
    twice = pd.concat([raw, raw], ignore_index=True)
    owners = pd.Series([*range(300), *range(300)])
    shown = {name: label_cover(raw[name], list(raw[name].unique())) for name in ("a", "b")}
    hidden = {name: label_cover(raw[name], ["*"]) for name in ("a", "b")}
    assert linkability(raw, None, raw, shown, (["a"], ["b"])).low > 0.9
    assert linkability(raw, None, raw.assign(a="*", b="*"), hidden, (["a"], ["b"])).risk == 0.0
    assert inference(raw, None, raw, shown, "s").low > 0.5
    assert inference(raw, None, raw.assign(a="*", b="*"), hidden, "s").risk < 0.1
    # Somebody's other row would betray as much as the first: it goes as well, where rows have owners.
    assert inference(twice, None, twice, shown, "s", owners=owners).low > 0.5
    assert inference(twice, None, twice, shown, "s").risk == 0.0


def test_utility_of_an_unchanged_and_a_hidden_table() -> None:
    raw = pd.DataFrame({"a": ["1", "2", "3", "4"] * 20, "b": ["x", "y"] * 40})
    same = measure_utility(raw, raw, {n: label_cover(raw[n], list(raw[n].unique())) for n in raw})
    assert same.certainty_penalty == same.query_error_median == same.nonuniform_entropy_loss == 0.0
    hidden = measure_utility(raw, raw.assign(a="*", b="*"), {n: label_cover(raw[n], ["*"]) for n in raw})
    assert hidden.certainty_penalty == pytest.approx(1.0)
    assert hidden.nonuniform_entropy_loss == pytest.approx(1.0)
    assert hidden.discernibility == 80**2
