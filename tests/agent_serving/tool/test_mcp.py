"""The MCP server offers the same tools behind the same gates; no argument chooses the customer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from features.retrieval.answer import Caller
from tests.agent_serving.serving_shop import key_of, served
from tests.agent_serving.tool.tool_shop import add_orders, open_tool_shop
from tests.features.retrieval.feature_shop import FeatureShop

OWN, OTHER, SILENT = "c_own", "c_other", "c_silent"


@pytest.fixture(scope="module")
def url_and_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    shop = FeatureShop(tmp_path_factory.mktemp("mcp"))
    shop.state(OWN, "given")
    add_orders(shop, {11: OWN, 21: OTHER})
    opened = open_tool_shop(shop, (OWN, OTHER, SILENT))
    opened.features.close()
    opened.index.close()
    whole = key_of(shop, Caller("other-agent", "agent"), "personalisation", "service_delivery")
    narrow = key_of(shop, Caller("narrow-agent", "agent"), "service_delivery")
    with served(shop, whole) as client:
        yield str(client.base_url), whole, narrow
    shop.close()


def ask(url: str, key: str, calls: list[tuple[str, dict[str, Any]]], **headers: str) -> tuple[set[str], list[Any]]:
    """Return the names of the offered tools, and the results of the calls."""

    async def run() -> tuple[set[str], list[Any]]:
        sent = {"Authorization": f"Bearer {key}", **{f"bojagi-{name}": value for name, value in headers.items()}}
        async with (
            httpx.AsyncClient(headers=sent) as http,
            # The SDK's own kind of client has the same methods.
            Client(streamable_http_client(f"{url.rstrip('/')}/mcp", http_client=cast("Any", http))) as client,
        ):
            names = {tool.name for tool in (await client.list_tools()).tools}
            return names, [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(run())


def test_tools_return_results_of_the_customer_in_the_header(url_and_keys: tuple[str, str, str]) -> None:
    url, key, _ = url_and_keys
    names, (products, profile, orders, others) = ask(
        url, key,
        [("find_products", {"query": "커피"}), ("customer_profile", {}), ("order_status", {}), ("order_status",
        {"order_id": "21"})],
        customer=OWN, branch="main",
    )  # fmt: skip
    assert {"find_products", "recommend", "order_status"} <= names
    assert [item["id"] for item in products.structured_content["items"]] == ["product:1"]
    assert profile.structured_content["items"][0]["facts"]["top_category_1"] == "Coffee"
    assert [item["id"] for item in orders.structured_content["items"]] == ["11"]
    assert others.structured_content == {"items": []}


def test_an_argument_does_not_choose_the_customer(url_and_keys: tuple[str, str, str]) -> None:
    url, key, _ = url_and_keys
    calls = [("order_status", {"customer_id": OTHER}), ("customer_profile", {}), ("read_table", {})]
    _, (chosen, silent, unknown) = ask(url, key, calls, customer=SILENT)
    assert chosen.is_error
    assert unknown.is_error
    assert OTHER not in str(chosen.content)
    assert silent.structured_content["note"] == "no_consent"


def test_a_key_gets_the_tools_of_its_purposes(url_and_keys: tuple[str, str, str]) -> None:
    url, _, narrow = url_and_keys
    names, (refused,) = ask(url, narrow, [("customer_profile", {})], customer=OWN)
    assert "customer_profile" not in names
    assert refused.is_error


def test_without_a_key_or_a_branch_nothing_is_answered(url_and_keys: tuple[str, str, str]) -> None:
    url, key, _ = url_and_keys
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert httpx.post(f"{url.rstrip('/')}/mcp", json=body).json()["code"] == "missing_credential"
    for header in ({"bojagi-branch": "nowhere"}, {"bojagi-customer": "c' OR 1"}):
        answer = httpx.post(f"{url.rstrip('/')}/mcp", json=body, headers={"Authorization": f"Bearer {key}", **header})
        assert answer.status_code in (404, 422)
