"""Recommendations over HTTP: lists by consent, rewards, precise refusals that repeat nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agent_serving.problem import MEDIA_TYPE
from features.recommend.reason import REASONS
from tests.agent_serving.serving_shop import key_of, served
from tests.features.recommend.recommend_shop import ITEMS, NEWEST, OBJECTED, PERMITS, SILENT, WITHDREW, RecommendShop
from tests.features.retrieval.feature_shop import AGENT, NOON

PATH = "/v1/recommendations"
SECRET = "c_kimminji"
EVERYBODY: dict[str, Any] = {
    "is_personal": False, "version": "popularity/1", "objective": "relevance", "decision": None,
    "context": "workday_midday",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecommendShop]:
    one = RecommendShop(tmp_path_factory.mktemp("recommendations"))
    one.policy()
    yield one
    one.close()


@pytest.fixture(scope="module")
def client(shop: RecommendShop) -> Iterator[httpx.Client]:
    """A client with an agent's key for personalisation."""
    with served(shop) as found:
        yield found


def asked(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post(PATH, json=fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_permitting_customer_gets_a_personal_list_in_words(client: httpx.Client, shop: RecommendShop) -> None:
    before = len(shop.audited())
    found = asked(client, customer=PERMITS, objective="thrifty", count=2)
    assert [one["item"] for one in found["items"]] == ["milk", "cake"]
    assert found["items"][1] == {
        "item": "cake", "product_type": "CAKE", "product_category": "FOOD", "price": 2.5, "is_new": True,
        "reasons": ["next_purchases", "low_price"], "told": [REASONS["next_purchases"], REASONS["low_price"]],
    }  # fmt: skip
    assert {name: value for name, value in found.items() if name != "items"} == EVERYBODY | {
        "is_personal": True, "version": NEWEST, "objective": "thrifty", "not_personal": None,
    }  # fmt: skip
    entries = [one for _, one in shop.installation.audit_log.entries()]
    assert len(shop.audited()) == before + 1
    assert (entries[-1].who, entries[-1].role, entries[-1].identity) == ("web-shop", "agent", "authenticated")


@pytest.mark.parametrize("customer", [SILENT, WITHDREW, OBJECTED, "c_unknown"])
def test_others_get_the_list_of_everybody_and_nothing_is_recorded(
    client: httpx.Client, shop: RecommendShop, customer: str
) -> None:
    before = (len(shop.audited()), len(shop.decisions()))
    found = asked(client, customer=customer)
    assert [one["item"] for one in found.pop("items")] == list(ITEMS)
    assert found == EVERYBODY | {"not_personal": "no_consent"}
    assert (len(shop.audited()), len(shop.decisions())) == before


def test_without_a_customer_the_list_is_for_anybody(client: httpx.Client) -> None:
    found = asked(client, context="weekend_evening")
    assert (found["items"][0]["item"], found["not_personal"], found["context"]) == (
        "tea", "no_customer", "weekend_evening"
    )  # fmt: skip
    assert found["items"][0]["told"] == ["popular this month", "sells more at this time"]


def test_a_decision_is_rewarded_once(client: httpx.Client) -> None:
    found = asked(client, customer=PERMITS)
    assert found["objective"] in ("thrifty", "discovery")
    path = f"{PATH}/{found['decision']}/reward"
    stored = [client.post(one, json={"value": 1}).json() for one in (path, path, f"{PATH}/d_unknown/reward")]
    assert stored == [{"stored": True}, {"stored": False}, {"stored": False}]


def test_a_withdrawal_counts_in_the_next_list(client: httpx.Client, shop: RecommendShop) -> None:
    (customer,) = shop.permit(1)
    assert asked(client, customer=customer)["is_personal"]
    shop.state(customer, "withdrawn", at=NOON)
    assert asked(client, customer=customer)["not_personal"] == "no_consent"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"json": {"objective": "trifty"}}, 404, "unknown_objective"),
        ({"json": {"context": "night"}}, 404, "unknown_context"),
        ({"json": {"customer": SECRET, "count": 0}}, 422, "invalid_request"),
        ({"json": {"customer": SECRET, "count": 41}}, 422, "invalid_request"),
        ({"json": {"customer": SECRET, "count": 1.5}}, 422, "invalid_request"),
        ({"content": b'{"customer": "c_kimminji", "count": NaN}'}, 422, "invalid_request"),
        ({"json": {"customer": SECRET, "count": None}}, 422, "invalid_request"),
        ({"json": {"customer": [SECRET]}}, 422, "invalid_request"),
        ({"json": {"customer": SECRET * 100}}, 422, "invalid_request"),
        ({"json": {"customer": ""}}, 422, "invalid_request"),
        ({"json": {"customer": SECRET, "purpose": "marketing"}}, 422, "invalid_request"),
        ({"json": {"customer": SECRET, SECRET: 1}}, 422, "invalid_request"),
        ({"json": [SECRET]}, 422, "invalid_request"),
        ({"content": b'{"customer": "c_kimminji'}, 400, "invalid_json"),
        ({"content": b""}, 400, "invalid_json"),
        ({"content": b"\xff\xfe"}, 400, "invalid_json"),
    ],
)
def test_a_faulty_body_is_refused_with_a_code_and_repeats_nothing(
    client: httpx.Client, request_: dict[str, Any], status: int, code: str
) -> None:
    answer = client.post(PATH, **request_)
    assert (answer.status_code, answer.json()["code"], answer.headers["content-type"]) == (status, code, MEDIA_TYPE)
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "content",
    [b'{"value": NaN}', b'{"value": Infinity}', b'{"value": 1e7}', b'{"value": "c_kimminji"}', b'{"c_kimminji": 1}',
     b"{}", b'{"value": null}'],
)  # fmt: skip
def test_a_faulty_reward_is_refused_and_repeats_nothing(client: httpx.Client, content: bytes) -> None:
    answer = client.post(f"{PATH}/d_unknown/reward", content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert SECRET not in answer.text


@pytest.mark.parametrize("path", [PATH, f"{PATH}/d_unknown/reward"])
def test_a_caller_without_a_key_or_the_purpose_is_refused_before_the_body_is_read(
    client: httpx.Client, shop: RecommendShop, path: str
) -> None:
    answer = httpx.post(client.base_url.join(path), content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (401, "missing_credential")
    other = {"Authorization": f"Bearer {key_of(shop, AGENT, 'service_delivery')}"}
    before = len(shop.audited("refused"))
    for customer in (PERMITS, WITHDREW, "c_unknown"):
        body = {"customer": customer} if path == PATH else {"value": 1}
        answer = client.post(path, json=body, headers=other)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
        assert customer not in answer.text
    assert len(shop.audited("refused")) == before + 3


def test_a_policy_that_does_not_fit_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    one = RecommendShop(tmp_path_factory.mktemp("misfit"))
    one.policy(arms=["thrifty", "luxury"])
    with served(one) as client:
        answer = client.post(PATH, json={"customer": PERMITS})
        assert (answer.status_code, answer.json()["code"]) == (409, "policy_does_not_fit")
        assert asked(client, customer=PERMITS, objective="quality")["is_personal"]
    one.close()
