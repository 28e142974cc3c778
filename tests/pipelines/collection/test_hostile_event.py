"""Whatever JSON is in the fields of an event, it ends in bronze or in quarantine, and the event after it arrives."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from bench.collect.consent import RULES
from installation.quality.quarantine_content import QUARANTINE
from pipelines.collection.arrival import Arrivals
from pipelines.collection.log_tail import LogTail
from pipelines.collection.micro_batch import load_segments
from tests.agent_serving.collector.collecting_shop import (
    SOURCE,
    collecting,
    folder_of,
    logged,
    with_collection,
    without_policy,
)
from tests.features.retrieval.feature_shop import FeatureShop
from tests.pipelines.collection.test_arrival import stored

VALUES = (
    '"x,\u2028"', "null", "true", "-1", "1.5", "1e308", "18446744073709551615", "9" * 40, '""', '" "', '"\\u0000"',
    '"a\\u0000b"', '"[\u0085"', '"\\r\\n"', '"\ufeff"', '"\u200b"', '"🧺"', f'"{"é" * 500}"', f'"{"x" * 9_000}"', "[]",
    "{}", '[{"a":1},{"b":2}]', '{"a":{"b":[1,2]}}', "[" * 240 + "]" * 240, '"9999-12-31T23:59:59Z"',
    '"0001-01-01T00:00:00+23:00"', '"1900-01-01T00:00:00Z"', '"2026-05-04T24:00:00Z"', '"2026-W19-1"', '"NaN"',
    '"=1+1"', '"\'; DROP TABLE x;--"', '"\ud7ff"', '"\uffff"', '"M1"',
)  # fmt: skip
PATHS = (
    "messageId", "type", "event", "anonymousId", "userId", "timestamp", "sentAt", "channel", "traits", "traits.email",
    "context", "context.sessionId", "context.page.path", "context.consent", "properties", "properties.product_id",
    "properties.query",
)  # fmt: skip
SIGNALS = tuple(f"context.{name}" for name in (
    "consent", "consent.categoryPreferences", "consent.categoryPreferences.Analytics", "consent.analytics_storage",
    "consent.google", "consent.google.analytics_storage", "consent.gpc", "consent.tcString", "consent.IABTCF_TCString",
    "consentManagement", "consentManagement.allowedConsentIds", "consentManagement.deniedConsentIds",
))  # fmt: skip
CUSTOMER = "c_permits"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    one = without_policy(FeatureShop(tmp_path))
    one.state(CUSTOMER, "given")
    token = one.installation.tokenizer.token("device_id", "a1")
    rows = {"token_kind": ["device_id"], "token": [token], "customer_id": [CUSTOMER]}
    one.installation.lakehouse.overwrite_rows("silver/identifier", pa.table(rows))
    yield one
    one.close()


def message(number: int, path: str = "properties.x", value: str = "1") -> bytes:
    """Return an event as JSON, with a value written at a path."""
    whole = {"type": "track", "event": "Viewed", "anonymousId": "a1", "messageId": f"m{number}", "userId": f"u{number}"}
    *parents, name = path.split(".")
    found = whole
    for parent in parents:
        found = found.setdefault(parent, {})  # type: ignore[assignment,arg-type]
    found[name] = "@"
    return orjson.dumps(whole).replace(b'"@"', value.encode())


def batch(*messages: bytes) -> bytes:
    return b'{"batch":[%s]}' % b",".join(messages)


def test_every_value_in_every_field_ends_in_bronze_or_in_quarantine(shop: FeatureShop) -> None:
    drawn = list(enumerate(itertools.product(PATHS, VALUES)))
    installation, contract = shop.installation, shop.installation.contracts[SOURCE]
    with Arrivals(installation, contract, LogTail(folder_of(shop))) as arrivals, collecting(shop) as (client, key):
        answer = client.post("/v1/batch", content=batch(*(message(n, *one) for n, one in drawn)), auth=(key, ""))
        assert answer.status_code == 200, answer.text
        assert len(logged(shop)) == len(drawn)
        arrivals.push()
        assert client.post("/v1/track", content=message(9_999, "event", '"Last"'), auth=(key, "")).status_code == 200
        assert arrivals.push() == 1
    found = stored(shop, CUSTOMER)
    assert found is not None
    assert found["last_event_type"] == "Last"
    result = load_segments(installation, contract)
    assert result is not None
    assert not result.refused
    assert result.rows_added + result.rows_quarantined == len(drawn) + 1
    assert result.rows_added > len(drawn) // 2
    assert len(installation.lakehouse.rows(QUARANTINE, ["rule"])) == result.rows_quarantined


def test_of_every_value_in_every_signal_only_a_consent_stores_an_event(shop: FeatureShop) -> None:
    with_collection(shop, {"protocol": "segment", "userIds": "trusted", **RULES})
    drawn = list(enumerate(itertools.product(SIGNALS, VALUES)))
    messages = [json.loads(message(n, *one)) | {"anonymousId": f"a{n}"} for n, one in drawn]
    with collecting(shop) as (client, key):
        assert client.post("/v1/batch", json={"batch": messages}, auth=(key, "")).status_code == 200
        consent = [f"m{n}" for n, (path, value) in drawn if path.endswith("Analytics") and value == "true"]
        assert [event["messageId"] for event in logged(shop)] == consent
        assert len(consent) == 1
