"""A labelled training set holds what was known at each day, what followed, and permitting customers only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.errors import FeatureError
from features.repo import labelled_set
from features.repo.labelled_set import LabelledSet, LabelledSetReader, Part, read_labelled_set
from privacy.access.errors import AccessRefused
from tests.features.repo.training_market import MONTH_ENDS, SPEC, Orders, TrainingMarket, random_orders, window_row

PURPOSE = "model_training"


@pytest.fixture
def market(tmp_path: Path) -> Iterator[TrainingMarket]:
    opened = TrainingMarket(tmp_path / "data", random_orders(1))
    yield opened
    opened.installation.close()


def read(market: TrainingMarket, part: Part = "train", spec: object = SPEC) -> LabelledSet:
    return read_labelled_set(market.installation, SPEC.model_validate(spec), PURPOSE, "model", part)


def expected(orders: Orders, days: tuple[date, ...], ends: tuple[date, ...]) -> list[tuple[str, date, float, float]]:
    """Return customer, day, order count and target of every row, counted from the orders themselves."""
    rows = []
    for day, end in zip(days, ends, strict=True):
        for customer, mine in orders.items():
            row = window_row(customer, mine, day)
            if row is not None and row["order_count_90d"] != 0:
                ordered = any(day < on <= end for on, _ in mine)
                rows.append((customer, day, float(str(row["order_count_90d"])), float(ordered)))
    return sorted(rows, key=lambda one: (one[1], one[0]))


def found(rows: LabelledSet) -> list[tuple[str, date, float, float]]:
    place = [column.name for column in rows.columns].index("order_count_90d")
    counts = np.expm1(rows.features[:, place]).round(6)
    return list(zip(rows.customer.tolist(), rows.day.tolist(), counts.tolist(), rows.target.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_every_row_is_the_one_counted_from_the_orders_before_its_day(tmp_path: Path, seed: int) -> None:
    orders = random_orders(seed)
    market = TrainingMarket(tmp_path, orders)
    assert found(read(market)) == expected(orders, MONTH_ENDS[:4], MONTH_ENDS[1:5])
    assert found(read(market, "test")) == expected(orders, MONTH_ENDS[4:5], MONTH_ENDS[5:])
    market.installation.close()


def looks_ahead(market: TrainingMarket, orders: Orders, cut: date) -> bool:
    """Say whether features of a day up to `cut` change when all later orders do."""
    market.write(orders)
    before = read(market)
    market.write({who: [(on, paid) for on, paid in mine if on <= cut] + [(cut + timedelta(9), 7.0)] * 3
                  for who, mine in orders.items()})  # fmt: skip
    after = read(market)
    kept = [rows.take(rows.day <= np.datetime64(cut)) for rows in (before, after)]
    assert len(kept[0]) > 0
    return not np.array_equal(kept[0].features, kept[1].features)


@pytest.mark.parametrize("seed", range(4))
def test_no_feature_depends_on_what_happened_after_its_day(tmp_path: Path, seed: int) -> None:
    orders = random_orders(seed)
    market = TrainingMarket(tmp_path, orders)
    for cut in MONTH_ENDS[1:4]:
        assert not looks_ahead(market, orders, cut)
    market.installation.close()


def test_a_set_that_takes_features_of_a_later_day_is_found(
    market: TrainingMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = labelled_set.end_of_day
    monkeypatch.setattr(labelled_set, "end_of_day", lambda day, zone: late(day + timedelta(31), zone))
    assert looks_ahead(market, random_orders(1), MONTH_ENDS[2])


def test_a_customer_who_withdraws_is_missing_from_the_next_read(market: TrainingMarket) -> None:
    with LabelledSetReader(market.installation, SPEC, PURPOSE, "model") as reader:
        first, (leaving, refusing, *_) = reader.read(), reader.read().customers
        market.state(leaving, state="withdrawn", at=datetime(2017, 6, 1))
        market.state(refusing, state="refused", purpose=PURPOSE, at=datetime(2017, 6, 1))
        second = reader.read()
    assert set(first.customers) - set(second.customers) == {leaving, refusing}
    counted = [entry.subjects for _, entry in market.installation.audit_log.entries() if entry.action == "train"]
    assert counted == [len(first.customers)] * 2 + [len(second.customers)]


def test_a_read_of_some_customers_returns_and_counts_them_only(market: TrainingMarket) -> None:
    with LabelledSetReader(market.installation, SPEC, PURPOSE, "model") as reader:
        some = frozenset(reader.read().customers[:3])
        assert reader.read(within=some).customers == sorted(some)


def test_churn_is_the_opposite_of_an_order(market: TrainingMarket) -> None:
    outcome = {"feature": "customer_purchase_window:last_order_on", "within_months": 1, "happens": False}
    assert np.array_equal(read(market, spec={**dict(SPEC), "outcome": outcome}).target, 1 - read(market).target)


def test_a_purpose_that_a_feature_does_not_serve_is_refused(market: TrainingMarket) -> None:
    with pytest.raises(AccessRefused, match="the service purchase_habit does not serve it"):
        LabelledSetReader(market.installation, SPEC, "marketing", "model")
    only = [{"feature": "customer_affinity:basket_embedding", "at_least": 1}]
    with pytest.raises(AccessRefused, match="customer_affinity:basket_embedding"):
        read(market, spec=SPEC.model_dump() | {"only": only})


def test_every_value_lies_within_its_public_bounds_and_a_null_has_a_column_of_its_own(market: TrainingMarket) -> None:
    rows = read(market)
    lower, upper = (np.array([getattr(one, name) for one in rows.columns]) for name in ("lower", "upper"))
    assert ((rows.features >= lower) & (rows.features <= upper)).all()
    flags = [one for one in rows.columns if one.name.endswith("_missing")]
    assert flags
    assert all(one.is_binary for one in flags)


def test_a_rule_for_an_unknown_feature_and_an_outcome_that_is_no_date_are_refused(market: TrainingMarket) -> None:
    form = SPEC.model_dump()
    with pytest.raises(FeatureError, match="has no feature colour"):
        read(market, spec=form | {"columns": {"colour": {"upper": 1.0}}})
    with pytest.raises(FeatureError, match="is no date"):
        read(
            market, spec=form | {"outcome": {"feature": "customer_purchase_window:order_count_7d", "within_months": 1}}
        )
