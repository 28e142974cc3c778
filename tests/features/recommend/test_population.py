"""Statistics of many customers against plain computations and an independent solver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from features.recommend.candidate import score_sources
from features.recommend.history import PurchaseHistory
from features.recommend.population import (
    ADOPTION_MONTHS,
    ADOPTION_RIDGE,
    RECENT_DAYS,
    decayed_frequency,
    fit_adoption,
    fit_ease,
    learn_population,
    popularity,
    scaled_rows,
    typical_price,
)
from tests.features.recommend.habits import TODAY, catalogue, habits, price_of


@pytest.fixture(scope="module")
def past() -> PurchaseHistory:
    return habits().before(TODAY)


def rows_of(past: PurchaseHistory) -> list[tuple[int, int, int]]:
    return list(zip(past.customer.tolist(), past.item.tolist(), past.day.tolist(), strict=True))


def test_popularity_is_the_share_of_the_customers_of_the_window(past: PurchaseHistory) -> None:
    window = {(one, item) for one, item, day in rows_of(past) if day >= TODAY - RECENT_DAYS}
    active = len({one for one, _ in window})
    expected = [sum(item == other for _, other in window) / active for item in range(len(past.items))]
    assert popularity(past, TODAY) == pytest.approx(expected)
    assert popularity(past, TODAY - 1000).tolist() == [0.0] * len(past.items)


def test_frequency_halves_in_a_half_life(past: PurchaseHistory) -> None:
    found = decayed_frequency(past, TODAY, 60.0)
    expected = sum(0.5 ** ((TODAY - day) / 60) for one, item, day in rows_of(past) if (one, item) == (3, 15))
    assert expected > 0
    assert found[3, 15] == pytest.approx(expected)


def test_ease_is_the_solution_of_its_constrained_least_squares(past: PurchaseHistory) -> None:
    rows = scaled_rows(decayed_frequency(past, TODAY, 60.0))
    weights, dense = fit_ease(rows, 5.0), np.asarray(rows.todense())
    assert not np.diag(weights).any()
    for item in (0, 17, 59):
        others = np.delete(np.arange(dense.shape[1]), item)
        # Least squares of the rows and of √ridge for each weight, by a solver without normal equations.
        more = np.vstack([dense[:, others], np.sqrt(5.0) * np.eye(len(others))])
        expected = np.linalg.lstsq(more, np.append(dense[:, item], np.zeros(len(others))), rcond=None)[0]
        assert weights[others, item] == pytest.approx(expected, abs=1e-9)


def test_adoption_is_the_least_squares_of_first_purchases(past: PurchaseHistory) -> None:
    covered = np.arange(5, 45)
    known_rows, new_rows = [], []
    first: dict[tuple[int, int], int] = {}
    for one, item, day in rows_of(past):
        first[one, item] = min(day, first.get((one, item), day))
    for month in range(1, ADOPTION_MONTHS + 1):
        start = TODAY - RECENT_DAYS * month
        for one in range(len(past.customers)):
            known = np.array([first.get((one, item), TODAY) < start for item in covered], np.float64)
            new = [start <= first.get((one, item), TODAY) < start + RECENT_DAYS for item in covered]
            if any(new):
                known_rows.append(known / max(np.sqrt(known.sum()), 1.0))
                new_rows.append(np.array(new, np.float64))
    size = len(covered)
    x = np.vstack([*known_rows, np.sqrt(ADOPTION_RIDGE) * np.eye(size)])
    y = np.vstack([*new_rows, np.zeros((size, size))])
    assert fit_adoption(past, TODAY, covered) == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0], abs=1e-9)


def test_first_purchases_and_prices_are_those_of_the_lines(past: PurchaseHistory) -> None:
    found = learn_population(past, TODAY, catalogue())
    first: dict[tuple[int, int], int] = {}
    for one, item, day in rows_of(past):
        first[one, item] = min(day, first.get((one, item), day))
    new = np.bincount([item for (_, item), day in first.items() if day >= TODAY - RECENT_DAYS], minlength=60)
    assert found.first == pytest.approx(new / len(past.customers))
    assert found.price == pytest.approx([price_of(item) for item in past.items])
    assert not found.discounted.any()


def test_the_price_of_an_item_is_its_median_and_unknown_without_a_purchase(past: PurchaseHistory) -> None:
    prices = np.array([9.0, 1.0, 2.0, 5.0])
    one = np.zeros(4, np.int64)
    history = PurchaseHistory(
        ("c",), ("a", "b", "z"), one, np.array([0, 0, 0, 1]), np.arange(4), prices, prices, prices
    )
    assert typical_price(history).tolist()[:2] == [2.0, 5.0]
    assert np.isnan(typical_price(history)[2])


def test_neighbours_are_weighted_by_similarity_and_nobody_is_his_own(past: PurchaseHistory) -> None:
    population = learn_population(past, TODAY, catalogue())
    found = score_sources(past, np.array([2, 7]), population)
    ever = np.zeros((len(past.customers), 60))
    month = np.zeros_like(ever)
    for one, item, day in rows_of(past):
        ever[one, item] = 1
        month[one, item] = max(month[one, item], day >= TODAY - RECENT_DAYS)
    ever /= np.linalg.norm(ever, axis=1, keepdims=True)
    for row, customer in enumerate((2, 7)):
        similar = ever @ ever[customer]
        similar[customer] = 0
        assert found.month[row] == pytest.approx(similar @ month / similar.sum())


def test_a_day_without_purchases_has_statistics_of_zeros(past: PurchaseHistory) -> None:
    found = learn_population(past, TODAY - 1000, catalogue())
    assert not any(values.any() for values in (found.week, found.year, found.first, found.ease, found.adoption))
    assert found.pool == ()
    assert isinstance(found.baskets, sparse.csr_matrix)
