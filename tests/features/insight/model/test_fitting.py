"""Models are fitted on the past only, are equal for equal rows, survive JSON, and explain their scores exactly."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.insight.errors import TooFewRowsError
from features.insight.group_size import K
from features.insight.model.calibration_chart import calibration_svg
from features.insight.model.category import bought_next, list_candidates
from features.insight.model.fitted import FittedModel
from features.insight.model.fitting import _Fit, _penalty_parts, fit
from features.insight.model.scoring import contributions, explain, logistic, score
from features.insight.model.target import TARGETS, Kind, Target

HORIZON, LAST = 90, date(2017, 9, 30)
DAYS = tuple(LAST - timedelta(days) for days in (180, 120, 90, 30, 0))
FEATURES = ("days_since_last_order", "order_count_90d", "sales_value_90d", "mean_gap_days")
CUSTOMERS = 300


def make_rows(seed: int = 0) -> pa.Table:
    """Return score input of customers with an activity that decides on the labels."""
    random = np.random.default_rng(seed)
    return pa.concat_tables([_rows_of(day, random) for day in DAYS])


def _rows_of(day: date, random: np.random.Generator) -> pa.Table:
    activity = random.gamma(2.0, 1.0, CUSTOMERS)
    orders, since = random.poisson(5 * activity).astype(float), np.round(30 / (activity + 0.3))
    names = [[f"category {n}" for n in random.permutation(12)[: random.integers(0, 6)]] for _ in range(CUSTOMERS)]
    counts = [[int(random.integers(1, 9)) for _ in row] for row in names]
    last = [[int(random.integers(0, 60)) for _ in row] for row in names]
    bought = [row[int(np.argmax(count))] if row and random.random() < 0.8 else "category 0"
              for row, count in zip(names, counts, strict=True)]  # fmt: skip
    return pa.table({
        "customer_id": [f"c_{number}" for number in range(CUSTOMERS)],
        "as_of": pa.array([day] * CUSTOMERS, pa.date32()),
        "days_since_last_order": since,
        "order_count_90d": orders,
        "order_count_365d": orders * 3 + 1,
        "sales_value_90d": orders * random.gamma(5.0, 4.0, CUSTOMERS),
        "mean_gap_days": pa.array(since / 2, mask=orders < 2),
        "is_premium": pa.array((np.arange(CUSTOMERS) % 3 == 0), mask=np.arange(CUSTOMERS) % 10 == 0),
        "category_names": pa.array(names, pa.list_(pa.string())),
        "category_order_days": pa.array(counts, pa.list_(pa.int64())),
        "category_order_days_90d": pa.array([[one // 2 for one in row] for row in counts], pa.list_(pa.int64())),
        "category_last_days_ago": pa.array(last, pa.list_(pa.int64())),
        "category_first_days_ago": pa.array([[one + 90 for one in row] for row in last], pa.list_(pa.int64())),
        "churned": random.random(CUSTOMERS) < logistic(2 - 2 * activity),
        "spend_next": activity * random.gamma(4.0, 20.0, CUSTOMERS),
        "buys_next_week": random.random(CUSTOMERS) < logistic(activity - 2),
        "is_premium_next": random.random(CUSTOMERS) < logistic(activity - 2),
        "tries_new_category": random.random(CUSTOMERS) < logistic(activity - 2),
        "next_categories": [[one, "category 11"] for one in bought],
    })  # fmt: skip


ROWS = make_rows()


def fitted(target: Target = Target.CHURN, rows: pa.Table = ROWS) -> FittedModel:
    return fit(target, rows, data_version="v1", fitted_on=LAST, horizon_days=HORIZON, features=FEATURES, seed=5)


def with_label(rows: pa.Table, name: str, change: Any) -> pa.Table:
    """Return the rows with another label where `change`, a mask, holds."""
    label = pc.if_else(change, pc.invert(rows[name]), rows[name])
    return rows.set_column(rows.column_names.index(name), name, label)


@pytest.mark.parametrize("target", Target)
def test_equal_rows_give_equal_models_also_after_json(target: Target) -> None:
    model = fitted(target)
    assert fitted(target, ROWS.take(pa.array(np.random.default_rng(1).permutation(ROWS.num_rows)))) == model
    again = FittedModel.from_json(model.to_json())
    assert again == model
    assert score(again, ROWS).equals(score(model, ROWS))


def test_the_card_says_what_was_fitted_and_how_well() -> None:
    card = fitted().card
    assert (card.fit_from, card.fit_to, card.evaluated_on) == (DAYS[0], LAST, LAST)
    assert (card.row_count, card.customer_count, card.data_version) == (len(DAYS) * CUSTOMERS, CUSTOMERS, "v1")
    assert card.definition == "The customer has no basket in the next 90 days"
    (metric,) = card.metrics
    assert 0.7 < metric.low < metric.value < metric.high
    assert card.calibration is not None
    assert card.calibration.holds
    assert calibration_svg(card).count("<circle") == 10


def test_rows_whose_horizon_was_not_over_do_not_count_in_the_evaluation() -> None:
    between = pc.and_(pc.greater(ROWS["as_of"], pa.scalar(DAYS[2])), pc.less(ROWS["as_of"], pa.scalar(LAST)))
    assert fitted(rows=with_label(ROWS, "churned", between)).card.metrics == fitted().card.metrics
    before = pc.equal(ROWS["as_of"], pa.scalar(DAYS[2]))
    assert fitted(rows=with_label(ROWS, "churned", before)).card.metrics != fitted().card.metrics


def test_without_an_earlier_day_whose_horizon_is_over_there_are_no_metrics() -> None:
    card = fitted(rows=ROWS.filter(pc.greater(ROWS["as_of"], pa.scalar(DAYS[2])))).card
    assert (card.metrics, card.calibration, card.evaluated_on) == ((), None, None)


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan, 1e15, -1e15, 0.0])
@pytest.mark.parametrize("target", [Target.CHURN, Target.SPEND])
def test_odd_amounts_make_no_odd_model_and_no_odd_score(odd: float, target: Target) -> None:
    random, rows = np.random.default_rng(2), ROWS
    for name in (*FEATURES, "spend_next"):
        values = np.where(random.random(ROWS.num_rows) < 0.05, odd, np.asarray(rows[name].to_pylist(), np.float64))
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(values))
    model = fitted(target, rows)
    assert "NaN" not in model.to_json()
    assert "Infinity" not in model.to_json()
    assert np.isfinite(score(model, rows).to_numpy(zero_copy_only=False)).all()


def test_numbers_of_customers_on_a_card_are_rounded_down_and_few_held_out_customers_are_not_evaluated() -> None:
    is_held_out = pc.equal(ROWS["as_of"], pa.scalar(LAST))
    few = ROWS.filter(pc.invert(is_held_out)), ROWS.filter(is_held_out)
    for count, is_evaluated in ((K - 1, False), (K + 7, True)):
        card = fitted(Target.SPEND, pa.concat_tables([few[0], few[1].slice(0, count)])).card
        assert bool(card.metrics) is is_evaluated
        assert card.row_count % K == card.customer_count % K == 0


def test_a_model_keeps_no_category_that_fewer_than_k_customers_list() -> None:
    for count, is_kept in ((K - 1, False), (K, True)):
        names = ROWS["category_names"].to_pylist()
        customers = ROWS["customer_id"].to_pylist()
        listed = [
            [*row[:-1], "Rare"] if row and int(who[2:]) < count else row
            for row, who in zip(names, customers, strict=True)
        ]
        # Each of them lists the category on some day.
        assert len({who for row, who in zip(listed, customers, strict=True) if "Rare" in row}) == count
        column = ROWS.column_names.index("category_names")
        rows = ROWS.set_column(column, "category_names", pa.array(listed, pa.list_(pa.string())))
        assert ("Rare" in fitted(Target.NEXT_CATEGORY, rows).to_json()) is is_kept


def test_penalties_are_chosen_on_the_newest_day_by_days_whose_horizon_ended() -> None:
    days, job = ROWS["as_of"].to_numpy(), _Fit(Target.SPEND, TARGETS[Target.SPEND], FEATURES, HORIZON, 5)
    ((used, wanted),) = _penalty_parts(ROWS, job)
    assert set(days[used].tolist()) == set(DAYS[:3])
    assert set(days[wanted].tolist()) == {LAST}


def test_penalties_without_such_days_are_chosen_by_folds_of_customers() -> None:
    recent = ROWS.filter(pc.greater(ROWS["as_of"], pa.scalar(DAYS[2])))
    names = np.array(recent["customer_id"].to_pylist())
    parts = _penalty_parts(recent, _Fit(Target.SPEND, TARGETS[Target.SPEND], FEATURES, HORIZON, 5))
    assert not any(set(names[used]) & set(names[wanted]) for used, wanted in parts)
    assert np.sum([wanted for _, wanted in parts], axis=0).tolist() == [1] * recent.num_rows


def test_labels_of_one_class_or_none_are_refused() -> None:
    with pytest.raises(TooFewRowsError, match="'churn' cannot be fitted: got no rows with a label"):
        fitted(rows=ROWS.slice(0, 0))
    with pytest.raises(TooFewRowsError, match="got rows of one class"):
        fitted(rows=ROWS.filter(ROWS["churned"]))


@pytest.mark.parametrize("target", Target)
def test_contributions_add_up_to_the_score(target: Target) -> None:
    model = fitted(target)
    table = contributions(model, ROWS)
    total = np.asarray(sum(table[name].to_numpy() for name in table.column_names))
    found = score(model, ROWS)
    kind, known = TARGETS[target].kind, np.asarray(pc.is_valid(found))
    assert known.any()
    if kind is Kind.PROBABILITY:
        expected = logistic(model.predictor.slope * total + model.predictor.offset)
    elif kind is Kind.AMOUNT:
        expected = np.maximum(total, 0) ** 2
    else:
        listed = list_candidates(ROWS, model.predictor.popularity)
        odds = model.predictor.additive.predict(listed.columns)
        best = {row: odds[listed.row == row].max() for row in set(listed.row.tolist())}
        assert total[known] == pytest.approx([best[row] for row in np.flatnonzero(known)], abs=1e-9)
        return
    assert expected[known] == pytest.approx(found.filter(pc.is_valid(found)).to_numpy(), abs=1e-9)


def test_an_explanation_names_the_strongest_features_first() -> None:
    model, row = fitted(), ROWS.slice(7, 1)
    found = explain(model, row)
    effects = contributions(model, row)
    assert {one.feature: one.effect for one in found} == {name: effects[name][0].as_py() for name in FEATURES}
    assert [abs(one.effect) for one in found] == sorted((abs(one.effect) for one in found), reverse=True)


def test_premium_is_predicted_only_for_customers_known_not_to_be_premium() -> None:
    found = score(fitted(Target.PREMIUM), ROWS)
    expected = pc.fill_null(pc.equal(ROWS["is_premium"], False), False)
    assert pc.is_valid(found).to_pylist() == expected.to_pylist()


def test_the_next_category_is_one_of_the_customers_own() -> None:
    names = ROWS["category_names"].to_pylist()
    found = score(fitted(Target.NEXT_CATEGORY), ROWS).to_pylist()
    assert all((one in own) if own else one is None for one, own in zip(found, names, strict=True))
    (hits,) = fitted(Target.NEXT_CATEGORY).card.metrics
    assert hits.value > 0.5


def test_candidates_that_were_bought_next_are_those_of_a_plain_search() -> None:
    listed, after = list_candidates(ROWS, {}), ROWS["next_categories"].to_pylist()
    plain = [name in after[row] for row, name in zip(listed.row.tolist(), listed.name.to_pylist(), strict=True)]
    assert bought_next(ROWS, listed).tolist() == plain
