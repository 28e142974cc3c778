"""Contracts decide which columns a request may learn from, and the list of items is public."""

from __future__ import annotations

from typing import Any

import pytest

from installation.contract.document import Contracts, load_contracts
from pipelines.errors import ReleaseError
from pipelines.release.declaration import synthetic_releases
from pipelines.synthetic.request import SyntheticRequest
from pipelines.synthetic.spec_file import read_spec
from privacy.synthetic.errors import BadSpecification

ITEMS = {"source": "silver/product", "group": "department"}
EVENTS = {"source": "silver/order_line", "time": "ordered_at", "item": "product_category", "items": ITEMS,
          "first": "2017-01-01", "last": "2017-12-31"}  # fmt: skip


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts()


def request(**changes: Any) -> SyntheticRequest:
    form = {"source": "gold/customer_demographic", "purpose": "research", "columns": ["sex", "age_band"], **changes}
    return SyntheticRequest.model_validate(form)


def test_the_contract_gives_the_domain(contracts: Contracts) -> None:
    unit, domains = request(events={**EVENTS, "numbers": {"sales_value": None}}).require(contracts)
    assert unit == "customer_id"
    assert domains["sex"].values == ("F", "M")  # type: ignore[union-attr]
    assert (domains["sales_value"].minimum, domains["sales_value"].maximum) == (0, 10000)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"columns": ["customer_id"]}, "identifies people and is never learned from"),
        ({"columns": ["beliefs"]}, "beliefs may not serve research"),
        ({"columns": ["income"]}, "has no column income"),
        ({"columns": ["occupation"]}, "lists no values and no bounds"),
        ({"source": "silver/product", "columns": ["department"]}, "names no subjectKey"),
        ({"events": {**EVENTS, "item": "week"}}, "silver/product has no columns \\['week'\\]"),
        ({"events": {**EVENTS, "items": {"source": "silver/order_line", "group": "brand_type"}}}, "is about customers"),
        ({"events": {**EVENTS, "numbers": {"store_id": None}}}, "store_id: the contract lists no values"),
        ({"purpose": "marketing", "columns": ["sex"], "events": EVENTS}, "silver/order_line.*does not allow"),
    ],
)
def test_a_request_that_the_contracts_do_not_allow_is_refused(
    contracts: Contracts, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises((ReleaseError, BadSpecification), match=reason):
        request(**changes).require(contracts)


def test_the_contracts_allow_every_declared_release(contracts: Contracts) -> None:
    assert {len(one.tables) for one in synthetic_releases()} == {1, 2}
    for release in synthetic_releases():
        unit, domains = release.request.require(contracts)
        assert unit == "customer_id"
        assert set(release.columns) <= domains.keys()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a list", "expected a mapping with `columns`"),
        ("columns: [", "is not YAML"),
        ("columns: {age: {kind: number}}", "columns.age.number.minimum: Field required"),
        ("columns: {age: {kind: number, minimum: 0, maximum: 9}}\nunit: age", "age identifies people"),
        ("source: gold/x\ncolumns: {}\npurpose: research", "columns: Dictionary should have at least 1 item"),
        ("columns: {a: {kind: category, values: [x]}}\nseed: 1", "seed: Extra inputs"),
    ],
)
def test_a_spec_that_is_not_valid_is_refused_with_its_place(tmp_path: Any, text: str, reason: str) -> None:
    (tmp_path / "spec.yaml").write_text(text)
    with pytest.raises(BadSpecification, match=reason):
        read_spec(tmp_path / "spec.yaml")
