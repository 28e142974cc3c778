"""Traits of items whose buyers are known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from features.insight.group_size import K
from features.recommend.catalogue import Catalogue
from features.recommend.history import PurchaseHistory
from features.recommend.trait import item_traits
from tests.features.recommend.habits import NAMES

DAY = date(2025, 3, 3)
ITEMS = ("again", "big", "dear", "once", "rare", "snack", "unsold")
KIND = Catalogue.of(dict.fromkeys(ITEMS, ("type", "category")))


def bought(rows: list[tuple[str, str, int, float]], items: tuple[str, ...] = ITEMS) -> PurchaseHistory:
    """Return the history of rows of customer, item, day and price."""
    columns = zip(*[(c, i, DAY + timedelta(days=d), 1, price, price) for c, i, d, price in rows], strict=True)
    return PurchaseHistory.of_table(pa.table(dict(zip(NAMES, map(list, columns), strict=True)))).of_items(items)


@pytest.fixture(scope="module")
def history() -> PurchaseHistory:
    """Forty customers buy four items and three of them again; thirty buy a snack twice, and nine a rare item."""
    rows: list[tuple[str, str, int, float]] = []
    for one in range(40):
        large = [("again", 2.0), ("big", 3.0), ("dear", 50.0), ("once", 2.0)]
        rows += [(f"c{one}", item, 0, price) for item, price in large]
        rows += [(f"c{one}", item, 7, price) for item, price in large if item != "once"]
        rows += [(f"c{one}", "snack", 20 + visit, 1.0) for visit in range(2) if one < 30]
        rows += [(f"c{one}", "rare", 40, 0.1)] if one < K - 1 else []
    return bought(rows)


def test_traits_have_mean_0_and_deviation_1_over_items_of_enough_buyers(history: PurchaseHistory) -> None:
    known = np.array([item not in ("rare", "unsold") for item in ITEMS])
    for values in item_traits(history, KIND).values():
        if values.any():
            assert (values[known].mean(), values[known].std()) == pytest.approx((0, 1))
        assert not values[~known].any()


def test_a_cheap_item_and_one_bought_again_have_the_trait(history: PurchaseHistory) -> None:
    found = item_traits(history, KIND)
    price, quality = (dict(zip(ITEMS, found[name], strict=True)) for name in ("price", "quality"))
    assert price["snack"] > price["again"] == price["once"] > price["big"] > price["dear"]
    assert quality["again"] == quality["big"] == quality["dear"] > 0 > quality["once"]


def test_the_price_trait_is_the_logarithm_in_deviations(history: PurchaseHistory) -> None:
    logs = -np.log([2.0, 3.0, 50.0, 2.0, 1.0])
    expected = (logs - logs.mean()) / logs.std()
    known = [place for place, item in enumerate(ITEMS) if item not in ("rare", "unsold")]
    assert item_traits(history, KIND)["price"][known] == pytest.approx(expected)


def test_an_item_of_quick_visits_is_convenient() -> None:
    crowd = [(f"c{one}", f"i{item}", 0, 1.0) for one in range(20) for item in range(6)]
    quick = [(f"c{one}", "snack", 1 + day, 1.0) for one in range(20) for day in range(3)]
    rows = crowd + quick
    names = tuple(sorted({row[1] for row in rows}))
    found = item_traits(bought(rows, names), Catalogue.of(dict.fromkeys(names, (None, None))))["convenience"]
    assert found[names.index("snack")] > 2
    assert np.unique(found[:-1].round(9)).size == 1


@pytest.mark.parametrize("customers", [K - 1, K])
def test_an_item_of_fewer_than_k_buyers_has_no_trait(customers: int) -> None:
    rows = [(f"c{one}", "big", 0, 9.0) for one in range(50)]
    rows += [(f"c{one}", "rare", 1, 1.0) for one in range(customers) for _ in range(5)]
    found = item_traits(bought(rows), KIND)
    assert bool(found["price"][ITEMS.index("rare")]) is (customers == K)


def test_quality_is_told_within_the_type() -> None:
    # In one type everybody buys again, in the other nobody: within its type no item is better than another.
    rows = [(f"c{one}", item, day, 1.0) for one in range(40) for item in ("again", "big") for day in (0, 7)]
    rows += [(f"c{one}", item, 0, 1.0) for one in range(40) for item in ("dear", "once")]
    groups = {item: ("daily" if item in ("again", "big") else "seldom", None) for item in ITEMS}
    found = dict(zip(ITEMS, item_traits(bought(rows), Catalogue.of(groups))["quality"], strict=True))
    assert found["again"] == found["big"]
    assert found["dear"] == found["once"]
    apart = found["again"] - found["once"]
    alone = dict(zip(ITEMS, item_traits(bought(rows), KIND)["quality"], strict=True))
    assert 0 < apart <= alone["again"] - alone["once"]
