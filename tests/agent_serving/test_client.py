"""The Python client returns what the reader released, with types, reasons and errors."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest

from features.client import ClientError, FeatureClient
from tests.agent_serving.serving_shop import PERMITS, SILENT, key_of
from tests.features.retrieval.feature_shop import AGENT, PURPOSE, SERVICE, FeatureShop


def connected(client: httpx.Client, key: str) -> FeatureClient:
    return FeatureClient(str(client.base_url), key)


def test_the_client_returns_the_answer_of_the_reader(client: httpx.Client, shop: FeatureShop) -> None:
    customers = [PERMITS, SILENT, "c_unknown"]
    with connected(client, key_of(shop)) as remote:
        found = remote.retrieve(customers, SERVICE, PURPOSE)
    with shop.open() as reader:
        expected = reader.retrieve(customers, SERVICE, PURPOSE, AGENT)
    assert found.customers == expected.customers
    assert found.features == expected.features
    assert isinstance(found.moment, datetime)


def test_a_refusal_names_status_and_code(client: httpx.Client, shop: FeatureShop) -> None:
    with connected(client, key_of(shop)) as remote:
        assert remote.services[SERVICE].purposes == (PURPOSE,)
        with pytest.raises(ClientError, match="There is no feature service") as told:
            remote.retrieve([PERMITS], "shoping_agent", PURPOSE)
    assert (told.value.status, told.value.code) == (404, "unknown_service")
    with connected(client, "bjg_wrong") as remote, pytest.raises(ClientError) as told:
        remote.retrieve([PERMITS], SERVICE, PURPOSE)
    assert (told.value.status, told.value.code) == (401, "invalid_key")


def test_without_a_server_the_client_says_so() -> None:
    with FeatureClient("http://127.0.0.1:9", "k") as remote, pytest.raises(ClientError, match="Is it running") as told:
        remote.retrieve([PERMITS], SERVICE, PURPOSE)
    assert told.value.code == "no_answer"
