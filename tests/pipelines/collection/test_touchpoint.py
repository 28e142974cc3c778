"""Collected events are events of silver/touchpoint_event, without code of their own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.engine.session import Engine
from pipelines.unify.touchpoint_row import EventSource, event_rows, event_sources
from tests.agent_serving.collector.collecting_shop import SOURCE
from tests.features.retrieval.feature_shop import FeatureShop
from tests.pipelines.collection.test_micro_batch import TABLE, load, message, write


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    one = FeatureShop(tmp_path)
    yield one
    one.close()


def test_a_collected_event_is_a_touchpoint_event_with_its_matching_keys(shop: FeatureShop, sail: Engine) -> None:
    contract = shop.installation.contracts[SOURCE]
    assert EventSource(contract) in event_sources(shop.installation.contracts)
    details = {"properties": {"product_id": 77, "order_id": "o1"}, "context": {"sessionId": 9}}
    write(shop, message(1, userId="M000000001", timestamp="2026-05-04T02:00:00Z", **details))
    load(shop)
    frame = sail.spark.createDataFrame(shop.installation.lakehouse.rows(TABLE).to_pandas())
    (row,) = event_rows(EventSource(contract), frame, "Asia/Seoul").collect()
    assert (row.source, row.event_id, row.event_type, row.channel) == ("tracked_event", "m1", "add_to_cart", "server")
    assert (row.product_id, row.order_id, row.session_id) == ("77", "o1", "9")
    assert row.event_at == datetime(2026, 5, 4, 11)
    tokens = shop.installation.tokenizer
    assert row._key_member_no == tokens.token("member_no", "M000000001")
    assert row._key_device_id == tokens.token("device_id", "a1")
