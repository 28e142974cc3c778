"""The catalog of features says what the contracts say, and names each fault with its file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from features.definition import FeatureCatalog, FeatureType, build_catalog
from features.errors import UnknownFeatureError
from installation.contract.built_in import BUILT_IN
from installation.contract.document import Contracts, load_contracts
from privacy.contract.document import Document
from privacy.contract.fault import ContractError

VIEW = "customer_purchase_window"


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts()


@pytest.fixture(scope="module")
def catalog(contracts: Contracts) -> FeatureCatalog:
    return build_catalog(contracts.values(), BUILT_IN)


def faults(contracts: Iterable[Document], folder: Path) -> str:
    with pytest.raises(ContractError) as found:
        build_catalog(contracts, [folder])
    return str(found.value)


def test_each_feature_has_definition_window_owner_purposes_and_freshness(catalog: FeatureCatalog) -> None:
    assert len(catalog.views) >= 15
    for view in catalog.views.values():
        for feature in view.features:
            assert feature.definition, feature.reference
            assert feature.window, feature.reference
            assert feature.owner, feature.reference
            assert feature.purposes, feature.reference
            assert feature.freshness_seconds, feature.reference


def test_a_feature_has_the_type_window_and_unit_of_its_column(catalog: FeatureCatalog) -> None:
    count, amount = catalog.feature(f"{VIEW}:order_count_30d"), catalog.feature(f"{VIEW}:sales_value_30d")
    assert (count.type, count.window, count.unit) == (FeatureType.INT64, "30d", None)
    assert (amount.type, amount.unit) == (FeatureType.FLOAT64, "USD")
    day, list_ = catalog.feature(f"{VIEW}:last_order_on"), catalog.feature("customer_affinity:top_categories")
    assert (day.type, day.is_wall_time) == (FeatureType.TIMESTAMP, True)
    assert list_.type is FeatureType.STRING_LIST
    assert (catalog.view(VIEW).event_time, catalog.view(VIEW).is_daily) == ("as_of", True)


def test_no_special_category_and_no_direct_identifier_is_a_feature(
    catalog: FeatureCatalog, contracts: Contracts
) -> None:
    columns = {f"{one.name}:{column.name}": column for one in contracts.layer("gold") for column in one.columns}
    served = [feature for view in catalog.views.values() for feature in view.features]
    assert not [feature for feature in served if columns[feature.reference].role == "direct"]
    assert not [feature for feature in served if feature.purposes == {"sensitive_research"}]


def test_an_unknown_name_is_answered_with_those_that_exist(catalog: FeatureCatalog) -> None:
    with pytest.raises(UnknownFeatureError, match="Did you mean customer_purchase_window:order_count_30d"):
        catalog.feature(f"{VIEW}:order_count_30")
    with pytest.raises(UnknownFeatureError, match="There are: campaign, customer_value, purchase_habit"):
        catalog.service("nothing")


def test_faulty_views_and_services_are_named_with_their_file(contracts: Contracts, tmp_path: Path) -> None:
    view = contracts.table(f"gold/{VIEW}")
    unusable = replace(view, feature_view={"eventTime": "customer_id", "freshnessHours": -1})
    found = faults([unusable], tmp_path)
    assert "eventTime is no time column" in found
    assert "freshnessHours (got: -1; expected: above 0)" in found
    assert "gold_customer_purchase_window.odcs.yaml" in found
    (tmp_path / "one.service.yaml").write_text(
        f"name: one\ndescription: x\npurposes: [fun, legal_records]\nfeatures: {{{VIEW}: [order_count_30d, scent]}}\n"
    )
    (tmp_path / "two.service.yaml").write_text("name: two\npurposes: [analytics]\n")
    found = faults([view], tmp_path)
    assert "unknown purpose" in found
    assert f"no feature '{VIEW}:scent'" in found
    assert f"no purpose may use {VIEW}:order_count_30d" in found
    assert "Feature service: features: Field required" in found


def test_the_digest_changes_with_each_declaration(catalog: FeatureCatalog, contracts: Contracts) -> None:
    assert build_catalog(contracts.values(), BUILT_IN).digest == catalog.digest
    view = catalog.view(VIEW)
    feature = replace(view.features[0], definition="Another.")
    changed = replace(view, features=(feature, *view.features[1:]))
    assert FeatureCatalog({**catalog.views, VIEW: changed}, catalog.services).digest != catalog.digest
