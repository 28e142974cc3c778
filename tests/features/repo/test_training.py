"""A training set holds only customers who permit the purpose, and is logged."""

from __future__ import annotations

from datetime import UTC, timedelta

import pandas as pd
import pytest

from features.repo.repository import apply_features
from features.repo.training import training_set
from privacy.access.errors import AccessRefused
from tests.features.repo.feature_table import taste_of, trade_of, write_table
from tests.features.retrieval.feature_shop import NOON, PURPOSE, SERVICE, FeatureShop


@pytest.fixture
def asked(shop: FeatureShop) -> pd.DataFrame:
    """Rows of three customers, of whom the first permits the purpose, the second withdrew, the third never said."""
    customers = ["c_permits", "c_withdrew", "c_silent"]
    shop.state("c_permits", "given")
    shop.state("c_withdrew", "given")
    shop.state("c_withdrew", "withdrawn", at=NOON)
    write_table(shop, "taste", [taste_of(customer) for customer in customers])
    write_table(shop, "trade", [trade_of(customer, order_count=4) for customer in customers])
    apply_features(shop.installation)
    return pd.DataFrame({"customer_id": customers, "event_timestamp": NOON.replace(tzinfo=UTC), "label": [1, 0, 1]})


def test_only_customers_who_permit_the_purpose_are_in_a_training_set(shop: FeatureShop, asked: pd.DataFrame) -> None:
    found = training_set(shop.installation, asked, SERVICE, PURPOSE, "model")
    assert found[["customer_id", "label", "order_count"]].to_dict("records") == [
        {"customer_id": "c_permits", "label": 1, "order_count": 4}
    ]
    _, entry = next(iter(shop.installation.audit_log.entries()))
    assert (entry.action, entry.who, entry.purpose, entry.subjects) == ("train", "model", PURPOSE, 1)


def test_a_feature_that_does_not_serve_the_purpose_refuses_the_training_set(
    shop: FeatureShop, asked: pd.DataFrame
) -> None:
    with pytest.raises(AccessRefused, match="taste:colour"):
        training_set(shop.installation, asked, SERVICE, "service_delivery", "model")


def test_a_moment_without_a_zone_is_local_time_of_the_shop(shop: FeatureShop, asked: pd.DataFrame) -> None:
    before, after = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
    for moment, known in ((before, [None]), (after, [4])):
        rows = asked.assign(event_timestamp=moment).iloc[:1]
        found = training_set(shop.installation, rows, SERVICE, PURPOSE, "model")["order_count"]
        assert [None if pd.isna(value) else value for value in found] == known
