from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.anonymity.population import draw_from_pitman
from privacy.anonymity.errors import SpecError
from privacy.anonymity.risk import reidentification_risk
from privacy.anonymity.risk.attack import inference, linkability, singling_out, singling_out_by_guess, wilson
from privacy.anonymity.risk.population_unique import (
    fit_pitman,
    pitman_uniques,
    poisson_uniques,
    slide_negative_binomial_uniques,
)
from privacy.anonymity.risk.reidentification_risk import highest_risk_rows, measure_risk
from privacy.anonymity.risk.utility import label_cover, measure_utility


def test_risks_equal_hand_computed_values() -> None:
    table = pd.DataFrame({"a": ["x", "x", "x", "y", "y", "z"], "who": [1, 2, 3, 4, 4, 5]})
    risk = measure_risk(table, ["a"])
    assert (risk.highest_prosecutor, risk.unique, risk.classes) == (1.0, 1, 3)
    assert risk.mean_prosecutor == pytest.approx((3 / 3 + 2 / 2 + 1) / 6)
    assert risk.at_risk[0.33] == pytest.approx(1.0)
    assert measure_risk(table, ["a"], person="who").unique == 2
    population = pd.DataFrame({"a": ["x"] * 50 + ["y"] * 20 + ["z"] * 4})
    assert measure_risk(table, ["a"], population=population).highest_journalist == pytest.approx(0.25)
    assert list(highest_risk_rows(table, ["a"], 1)) == [5]


def test_people_with_several_rows_count_once() -> None:
    table = pd.DataFrame({"a": ["x", "x", "y", "y", "z", "x"], "who": [1, 1, 1, 2, 2, None]})
    risk = measure_risk(table, ["a"], person="who")
    assert (risk.people, risk.classes, risk.records) == (3, 3, 6)
    assert risk.unique == 1  # person 2, alone in z; the rows without an identifier are one person's, who shares x
    assert risk.marketer == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert risk.mean_prosecutor == pytest.approx((5 * 1 / 2 + 1) / 6)
    assert list(highest_risk_rows(table, ["a"], 1, person="who")) == [4]


def test_a_null_counts_as_a_value_and_unique_without_names_the_column_that_singles_out() -> None:
    table = pd.DataFrame({"a": [None, None, "x", "x"], "b": ["p", "q", "p", "p"]})
    risk = measure_risk(table, ["a", "b"])
    assert (risk.unique, risk.classes) == (2, 3)
    assert risk.unique_without == {"a": 1, "b": 0}


def test_risks_of_one_row_of_unique_rows_and_of_equal_rows() -> None:
    one = measure_risk(pd.DataFrame({"a": ["x"]}), ["a"], population_size=1)
    assert (one.highest_prosecutor, one.marketer, one.population_unique_pitman) == (1.0, 1.0, 1.0)
    alone = measure_risk(pd.DataFrame({"a": range(50)}), ["a"], population_size=200)
    assert (alone.unique, alone.population_unique_pitman) == (50, 200.0)
    same = measure_risk(pd.DataFrame({"a": ["x"] * 50}), ["a"], population_size=200)
    assert (same.unique, same.highest_prosecutor) == (0, 0.02)
    assert (same.population_unique_pitman, same.population_unique_snb, same.population_unique_poisson) == (0, 0, 0)


def test_tables_whose_risk_cannot_be_measured_are_refused() -> None:
    table = pd.DataFrame({"age": [31, 32, 33]})
    with pytest.raises(SpecError, match="has 2 people, fewer than the 3"):
        measure_risk(table, ["age"], population_size=2)
    with pytest.raises(SpecError, match="no rows"):
        measure_risk(table.iloc[:0], ["age"])
    with pytest.raises(SpecError, match=r"did you mean \['age'\]"):
        measure_risk(table, ["agee"])
    with pytest.raises(SpecError, match="no quasi-identifiers"):
        measure_risk(table, [])


def test_journalist_risk_counts_equal_people_of_the_population() -> None:
    table = pd.DataFrame({"a": ["x", "x", "y"]})
    population = pd.DataFrame({"a": ["x"] * 9 + ["y"] * 4})
    assert measure_risk(table, ["a"], population=population).highest_journalist == pytest.approx(1 / 4)
    # Nobody of the population is like x: the two of the table are at least two.
    assert measure_risk(table, ["a"], population=population.iloc[9:]).highest_journalist == pytest.approx(1 / 2)


@pytest.mark.parametrize(("theta", "alpha"), [(50.0, 0.6), (500.0, 0.3)])
def test_pitmans_model_finds_the_uniques_of_a_pitman_population(theta: float, alpha: float) -> None:
    """Negative control: the Poisson model, which has one rate for all classes, finds almost none of them."""
    population = draw_from_pitman(30_000, theta, alpha, np.random.default_rng(5))
    truth = int((np.bincount(population) == 1).sum())
    sample = np.random.default_rng(6).choice(population, 3_000, replace=False)
    sizes = np.unique(sample, return_counts=True)[1]
    assert pitman_uniques(sizes, 30_000) == pytest.approx(truth, rel=0.15)
    assert poisson_uniques(sizes, 30_000) < 0.05 * truth


def test_pitmans_fit_has_the_highest_likelihood_of_a_grid() -> None:
    """Compared with the sampling formula, computed person by person, at every point of a grid."""
    sizes = np.array([1, 1, 1, 2, 2, 4, 9])

    def likelihood(theta: float, alpha: float) -> float:
        total, seen = 0.0, 0
        for number, size in enumerate(sizes.tolist()):
            for inside in range(size):
                weight = theta + number * alpha if inside == 0 else inside - alpha
                total += np.log(weight / (theta + seen))
                seen += 1
        return total

    best = likelihood(*fit_pitman(sizes))
    grid = [likelihood(t, a) for t in np.geomspace(0.01, 100, 60) for a in np.linspace(0.01, 0.99, 60)]
    assert best >= max(grid) - 1e-6
    assert best == pytest.approx(max(grid), abs=0.05)


@pytest.mark.parametrize(("r", "p"), [(0.5, 0.1), (2.0, 0.3), (0.2, 0.02)])
def test_the_snb_estimate_is_near_the_uniques_of_an_snb_population(r: float, p: float) -> None:
    random = np.random.default_rng(8)
    people = 1 + random.negative_binomial(r, p, 20_000)
    sampled = random.binomial(people, 0.2)
    found = slide_negative_binomial_uniques(sampled[sampled > 0], int(people.sum()))
    assert found == pytest.approx((people == 1).sum(), rel=0.15)


def test_estimates_are_none_without_a_population_and_exact_for_a_census() -> None:
    sizes = np.array([1, 1, 3])
    for estimate in (pitman_uniques, poisson_uniques, slide_negative_binomial_uniques):
        assert estimate(sizes, None) is None
        assert estimate(sizes, 5) == 2


def test_wilson_interval_equals_a_published_value() -> None:
    """Wilson 1927: 0 of 10 gives an upper bound of 0.278."""
    assert wilson(0, 10)[2] == pytest.approx(0.2775, abs=1e-3)


def test_attacks_succeed_on_raw_data_and_fail_on_one_class() -> None:
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


def test_attacks_without_a_control_remove_the_targets_own_rows() -> None:
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


def test_utility_is_full_for_an_unchanged_table_and_zero_for_a_hidden_one() -> None:
    raw = pd.DataFrame({"a": ["1", "2", "3", "4"] * 20, "b": ["x", "y"] * 40})
    same = measure_utility(raw, raw, {n: label_cover(raw[n], list(raw[n].unique())) for n in raw})
    assert same.certainty_penalty == same.query_error_median == same.nonuniform_entropy_loss == 0.0
    hidden = measure_utility(raw, raw.assign(a="*", b="*"), {n: label_cover(raw[n], ["*"]) for n in raw})
    assert hidden.certainty_penalty == pytest.approx(1.0)
    assert hidden.nonuniform_entropy_loss == pytest.approx(1.0)
    assert hidden.discernibility == 80**2


def test_suppressed_rows_are_no_class_of_their_own() -> None:
    rows = [("<50", "f"), ("<50", "m"), (">=50", "m"), ("*", "*"), ("<50", "f"), (">=50", "m"), ("<50", "m")]
    table = pd.DataFrame(rows, columns=["age", "sex"])
    risk = measure_risk(table, ["age", "sex"])
    assert (risk.smallest_class, risk.highest_prosecutor, risk.unique) == (2, 0.5, 0)
    assert (risk.classes, risk.suppressed, risk.records) == (3, 1, 7)
    assert 3 not in highest_risk_rows(table, ["age", "sex"], 6)
    # Another program masks every character of a cell, or writes spaces around.
    masked = table.replace({"age": {"*": "***"}, "sex": {"*": " * "}})
    assert measure_risk(masked, ["age", "sex"]) == risk
    # One `*` among labels suppresses a cell and no row, so this row is a class. The table `*` only is one class.
    assert measure_risk(table.assign(age="<50"), ["age", "sex"]).unique == 1
    assert measure_risk(table.assign(age="*", sex="*"), ["age", "sex"]).highest_prosecutor == pytest.approx(1 / 7)


def test_a_suppressed_row_that_counts_as_a_class_would_be_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: the behaviour before.
    monkeypatch.setattr(reidentification_risk, "suppressed_rows", lambda frame, _: np.zeros(len(frame), np.bool_))
    table = pd.DataFrame({"age": ["<50", "<50", "*"], "sex": ["f", "f", "*"]})
    assert measure_risk(table, ["age", "sex"]).highest_prosecutor == 1.0
