"""The tracking API over HTTP: what is stored, what is refused and how, and what browsers need."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_serving.collector import opening
from agent_serving.collector.errors import CollectionRefused
from agent_serving.collector.policy import Decision, Outcome
from agent_serving.collector.received_event import ReceivedEvent
from agent_serving.collector.request_body import (
    MOST_BODY_BYTES,
    MOST_EXPANDED_BYTES,
    MOST_MESSAGE_BYTES,
    MOST_MESSAGES,
    read_body,
)
from agent_serving.services import open_api_keys
from installation.collector.append_log import MOST_WAITING_BYTES, AppendLog
from installation.collector.errors import LogBusy, LogFailed
from privacy.protection.suppression import Suppressed
from tests.agent_serving.collector.collecting_shop import collecting, logged, without_policy, write_key
from tests.features.retrieval.feature_shop import NOON, FeatureShop

EVENT = {
    "type": "track", "event": "Product Viewed", "anonymousId": "a1", "messageId": "m1",
    "properties": {"product_id": "77", "secret_note": "not declared"}, "context": {"ip": "10.0.0.1"},
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    one = without_policy(FeatureShop(tmp_path))
    yield one
    one.close()


def test_an_event_is_stored_with_the_fields_of_the_contract_only(shop: FeatureShop) -> None:
    with collecting(shop) as (client, key):
        answer = client.post("/v1/track", json=EVENT, auth=(key, ""))
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        (event,) = logged(shop)
    assert event["properties.product_id"] == "77"
    assert event["visitorId"] == "a1"
    assert "not declared" not in json.dumps(event)
    assert "10.0.0.1" not in json.dumps(event)
    assert event.keys() == {column.header for column in shop.installation.contracts["source.tracked_event"].columns}


def test_a_batch_is_stored_compressed_or_not_in_its_order(shop: FeatureShop) -> None:
    shared = {"context": {"library": {"name": "analytics-ios"}}, "sentAt": "2026-05-01T00:00:00Z"}
    batch = [{**EVENT, "messageId": str(n), "originalTimestamp": "2026-04-30T23:59:50Z"} for n in range(50)]
    body = json.dumps({"batch": batch, **shared}).encode()
    with collecting(shop) as (client, key):
        for content, headers in ((body, {}), (gzip.compress(body), {"Content-Encoding": "gzip"})):
            assert client.post("/v1/batch", content=content, headers=headers, auth=(key, "")).status_code == 200
        events = logged(shop)
    assert [event["messageId"] for event in events] == [str(n) for n in range(50)] * 2
    # The client's clock is days slow; the event happened ten seconds before it was sent.
    assert {event["timestamp"] for event in events} == {"2026-05-04T02:59:50.000000Z"}
    assert {event["channel"] for event in events} == {"app"}


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {}, "invalid_json"),
        (b"[]", {}, "invalid_json"),
        (b'{"event": "\\ud800"}', {}, "invalid_json"),
        (b"x" * (MOST_BODY_BYTES + 1), {}, "body_too_large"),
        (gzip.compress(b" " * 50_000_000, mtime=0), {"Content-Encoding": "gzip"}, "body_too_large"),
        (b"no gzip", {"Content-Encoding": "gzip"}, "invalid_gzip"),
        (gzip.compress(json.dumps(EVENT).encode(), mtime=0)[:-9], {"Content-Encoding": "gzip"}, "invalid_gzip"),
        (2 * gzip.compress(b"{}", mtime=0), {"Content-Encoding": "gzip"}, "invalid_gzip"),
        (b"{}", {"Content-Encoding": "br"}, "unknown_encoding"),
        (b"[" * 400_000, {}, "invalid_json"),
    ],
)
def test_what_the_protocol_forbids_is_refused(body: bytes, headers: dict[str, str], code: str) -> None:
    with pytest.raises(CollectionRefused) as refused:
        read_body(body, headers.get("Content-Encoding"), "track")
    assert (refused.value.status, refused.value.code) == (400, code)


def batch_of(count: int, **shared: Any) -> bytes:
    return json.dumps({"batch": [{}] * count, **shared}).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (batch_of(MOST_MESSAGES + 1), "too_many_messages"),
        (batch_of(1, context={"page": {"path": "x" * MOST_MESSAGE_BYTES}}), "message_too_large"),
        (batch_of(MOST_MESSAGES, context={"page": {"path": "x" * 2_000}}), "body_too_large"),
    ],
)
def test_a_small_batch_that_expands_to_much_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(CollectionRefused) as refused:
        read_body(body, None, None)
    assert refused.value.code == code


def test_what_one_request_may_send_finds_room_in_the_log() -> None:
    found = read_body(batch_of(MOST_MESSAGES, context={"page": {"path": "x" * 1_600}}), "identity", None)
    assert len(found.messages) == MOST_MESSAGES
    assert MOST_EXPANDED_BYTES * 3 < MOST_WAITING_BYTES
    assert read_body(gzip.compress(b"{}"), "GZIP", "track").messages == [{"type": "track"}]


def test_the_context_of_a_batch_holds_where_a_message_has_none() -> None:
    refusal = {"consent": {"analytics_storage": "denied"}}
    own: list[Any] = [{}, {"context": None}, {"context": "x"}, {"context": {"ip": "1"}}]
    found = read_body(json.dumps({"batch": own, "context": refusal}).encode(), None, None)
    assert [message["context"] for message in found.messages] == [refusal, refusal, refusal, refusal | {"ip": "1"}]


def test_a_message_that_is_too_large_does_not_take_its_neighbours_along(shop: FeatureShop) -> None:
    large = {**EVENT, "messageId": "large", "properties": {"text": "x" * 40_000}}
    deep = json.dumps({**EVENT, "properties": {"product_id": 0}}).replace("0}", "[" * 300 + "]" * 300 + "}").encode()
    with collecting(shop) as (client, key):
        broken = client.post("/v1/track", content=b"{", auth=(key, ""))
        assert (broken.status_code, broken.json()["code"]) == (400, "invalid_json")
        alone = client.post("/v1/track", json=large, auth=(key, ""))
        assert (alone.status_code, alone.json()["code"]) == (400, "message_too_large")
        answer = client.post("/v1/batch", json={"batch": [EVENT, large]}, auth=(key, ""))
        assert answer.status_code == 400
        assert client.post("/v1/track", content=deep, auth=(key, "")).json()["code"] == "message_too_large"
        assert [event["messageId"] for event in logged(shop)] == ["m1"]


def test_a_wrong_key_stores_nothing_and_a_write_key_opens_nothing_else(shop: FeatureShop) -> None:
    with collecting(shop) as (client, key):
        for auth in (("", ""), ("bjg_000000000000_" + "a" * 43, ""), (key[:-1], "")):
            answer = client.post("/v1/track", json=EVENT, auth=auth)
            assert answer.status_code == 401, auth
        assert logged(shop) == []
        as_reader = client.get("/v1/feature-services", headers={"Authorization": f"Bearer {key}"})
        assert as_reader.status_code == 401
        assert client.post("/v1/t", json={**EVENT, "writeKey": key}).status_code == 200


def test_any_page_may_send_and_gets_its_settings(shop: FeatureShop) -> None:
    with collecting(shop) as (client, key):
        asked = client.options("/v1/t", headers={"Origin": "https://shop.example"})
        assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, "*")
        assert "Access-Control-Allow-Origin" not in client.options("/v1/features").headers
        settings = client.get(f"/v1/projects/{key}/settings").json()["integrations"]["Segment.io"]
        assert f"http://{settings['apiHost']}" == f"{client.base_url}".rstrip("/") + "/v1"
        source = client.get("/sourceConfig/", params={"writeKey": key}).json()["source"]
        assert (source["enabled"], source["destinations"]) == (True, [])
        assert client.get("/v1/projects/unknown/settings").status_code == 401


@pytest.mark.parametrize(
    ("failure", "status"), [(LogBusy("full", 7), 429), (LogFailed("the disk is full"), 503), (OSError(28, "full"), 503)]
)
def test_a_log_that_cannot_write_asks_to_come_again(
    shop: FeatureShop, monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int
) -> None:
    def fail(*_: object) -> None:
        raise failure

    with collecting(shop) as (client, key):
        with monkeypatch.context() as broken:
            broken.setattr(AppendLog, "append", fail)
            answer = client.post("/v1/track", json=EVENT, auth=(key, ""))
            assert answer.status_code == status
            assert int(answer.headers["Retry-After"]) > 0
        assert client.post("/v1/track", json=EVENT, auth=(key, "")).status_code == 200
        assert len(logged(shop)) == 1


def test_events_of_erased_persons_are_not_stored(shop: FeatureShop) -> None:
    tokens, list_ = shop.installation.tokenizer, shop.installation.suppression
    listed = [
        Suppressed("value", str(tokens.token("member_no", "M1"))),
        Suppressed("value", str(tokens.token("email", "gone@shop.example"))),
        Suppressed("value", str(tokens.token("device_id", "shared")), NOON - timedelta(hours=1)),
        Suppressed("session_id", "s_gone"),
    ]
    list_.add(listed, "test")
    late, early = "2026-05-04T02:30:00Z", "2026-05-04T01:30:00Z"
    batch: list[dict[str, Any]] = [
        {**EVENT, "messageId": "1", "userId": "M1"},
        {**EVENT, "messageId": "2", "userId": "M2"},
        {**EVENT, "messageId": "3", "traits": {"email": "Gone@shop.example"}, "type": "identify"},
        {**EVENT, "messageId": "4", "anonymousId": "shared", "timestamp": early},
        {**EVENT, "messageId": "5", "anonymousId": "shared", "timestamp": late},
        {**EVENT, "messageId": "6", "context": {"sessionId": "s_gone"}},
    ]
    with collecting(shop) as (client, key):
        assert client.post("/v1/batch", json={"batch": batch}, auth=(key, "")).status_code == 200
        assert [event["messageId"] for event in logged(shop)] == ["2", "5"]


class ThirdPolicy:
    """Stores the events of a visitor, drops those of another, and lets a third wait until it decides."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.settled = 0

    def decide(self, events: Sequence[ReceivedEvent]) -> Sequence[Decision]:
        return [self._decide(event) for event in events]

    def settle(self, events: Sequence[ReceivedEvent], decisions: Sequence[Decision]) -> None:
        assert len(events) == len(decisions)
        self.waiting.clear()
        self.settled += 1

    def close(self) -> None:
        """Nothing is open."""

    def _decide(self, event: ReceivedEvent) -> Decision:
        if event.anonymous_id == "broken":
            raise OSError("the store of waiting events is gone")
        if event.anonymous_id == "dropped" or event.headers.sec_gpc == "1":
            return Decision(Outcome.DROP, "refused")
        if event.user_id is None:
            self.waiting.append(event.line)
            return Decision(Outcome.WAIT, "undecided")
        return Decision(Outcome.STORE, "consent", tuple(self.waiting))


def test_the_policy_decides_before_anything_is_stored(shop: FeatureShop, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = ThirdPolicy()
    monkeypatch.setattr(opening, "open_policy", lambda *_: policy)

    def send(client: httpx.Client, key: str, number: str, **fields: Any) -> int:
        message = {**EVENT, "messageId": number, **fields}
        headers = {"Sec-GPC": "1"} if number == "gpc" else {}
        return client.post("/v1/track", json=message, headers=headers, auth=(key, "")).status_code

    with collecting(shop) as (client, key):
        assert send(client, key, "dropped", anonymousId="dropped") == 200
        assert send(client, key, "gpc", userId="M1") == 200
        assert send(client, key, "waits") == 200
        assert send(client, key, "broken", anonymousId="broken") == 503
        assert logged(shop) == []
        assert send(client, key, "identified", userId="M1") == 200
        assert [event["messageId"] for event in logged(shop)] == ["waits", "identified"]
    assert (policy.settled, policy.waiting) == (1, [])


def test_a_revoked_key_is_refused_from_the_next_request_on(shop: FeatureShop) -> None:
    other = write_key(shop, "other")
    with collecting(shop) as (client, key), closing(open_api_keys(shop.installation)) as keys:
        assert client.post("/v1/track", json=EVENT, auth=(other, "")).status_code == 200
        keys.revoke(next(one.id for one in keys.all_keys() if one.name == "other"))
        assert client.post("/v1/track", json=EVENT, auth=(other, "")).status_code == 401
        assert client.post("/v1/track", json=EVENT, auth=(key, "")).status_code == 200
