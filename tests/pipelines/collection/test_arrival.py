"""Features of known customers are readable as soon as their events are in the log, where they permit the purpose."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from agent_serving.collector.projection import Projection
from agent_serving.collector.received_event import SignalHeaders
from features.repo.event_push import VIEW
from features.repo.push import stored_view
from features.store.errors import StoreUnavailable
from features.store.opening import open_online_store
from installation.collector.append_log import AppendLog
from pipelines.collection import following, log_tail
from pipelines.collection.arrival import Arrivals
from pipelines.collection.log_tail import LogTail
from pipelines.collection.micro_batch import load_segments
from tests.agent_serving.collector.collecting_shop import SOURCE, folder_of
from tests.features.retrieval.feature_shop import FeatureShop

PERMITS, REFUSES = "c_permits", "c_refuses"
SESSION = {"context": {"sessionId": "s1"}}
RECEIVED = datetime(2026, 5, 4, 2, 59, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    """A shop that knows two customers by their member numbers, one of them also by a browser."""
    one = FeatureShop(tmp_path)
    one.state(PERMITS, "given")
    one.state(REFUSES, "refused")
    keys = [("member_no", "M1", PERMITS), ("device_id", "b1", PERMITS), ("member_no", "M2", REFUSES)]
    tokens = [one.installation.tokenizer.token(kind, value) for kind, value, _ in keys]
    rows = {"token_kind": [kind for kind, *_ in keys], "token": tokens, "customer_id": [owner for *_, owner in keys]}
    one.installation.lakehouse.overwrite_rows("silver/identifier", pa.table(rows))
    yield one
    one.close()


def stored(shop: FeatureShop, customer: str) -> dict[str, Any] | None:
    with closing(open_online_store(shop.installation, verify=False)) as store:
        found = stored_view(store, customer, VIEW)
    return None if found is None else dict(found.as_dict())


def test_an_arrived_event_is_a_feature_of_a_customer_who_permits_it(shop: FeatureShop) -> None:
    projection = Projection(shop.installation.contracts[SOURCE])

    def event(number: int, name: str, **fields: Any) -> bytes:
        message = {"type": "track", "event": name, "messageId": f"m{number}", "context": {"sessionId": "s1"}, **fields}
        return projection.event(message, RECEIVED.replace(second=number), SignalHeaders()).line

    with (
        closing(AppendLog(folder_of(shop))) as log,
        Arrivals(shop.installation, shop.installation.contracts[SOURCE], LogTail(folder_of(shop))) as seen,
    ):
        viewed = event(1, "Product Viewed", userId="M1", properties={"product_id": 77})
        log.append([viewed, viewed, event(2, "Product Added", anonymousId="b1"), event(3, "x", userId="M2")]).result()
        log.append(
            [event(4, "x", anonymousId="stranger"), b'"no event"', event(5, "x", userId="M1", timestamp="?")]
        ).result()
        assert seen.push() == 2
        assert seen.push() == 0
    found = stored(shop, PERMITS)
    assert found is not None
    # The shop's wall time is nine hours ahead of UTC.
    assert found["last_event_at"] == datetime(2026, 5, 4, 11, 59, 2)
    assert (found["last_event_type"], found["session_event_count"], found["session_view_count"]) == (
        "add_to_cart",
        2,
        1,
    )
    assert stored(shop, REFUSES) is None


def test_an_event_that_the_load_will_refuse_is_not_pushed(shop: FeatureShop) -> None:
    contract, times = shop.installation.contracts[SOURCE], ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:00")
    projection, refused = Projection(contract), [
        {"timestamp": "2026-05-06T00:00:00+09:00"}, *({"timestamp": one} for one in times), {"type": "teleport"},
        {"properties": {"product_id": "7" * 101}}, {"event": ["x"] * 300}, {"messageId": "m" * 201},
    ]  # fmt: skip

    def line(number: int, **fields: Any) -> bytes:
        message = {"type": "track", "event": "x", "messageId": f"m{number}", "userId": "M1", **fields}
        return projection.event(message, RECEIVED, SignalHeaders()).line

    with (
        closing(AppendLog(folder_of(shop))) as log,
        Arrivals(shop.installation, contract, LogTail(folder_of(shop))) as seen,
    ):
        log.append([line(number, **fields) for number, fields in enumerate(refused)]).result()
        assert seen.push() == 0
        # A feature of a refused event would be newer than every batch, and stay for ever.
        assert stored(shop, PERMITS) is None
        log.append([line(99)]).result()
        assert seen.push() == 1
    load_segments(shop.installation, contract)
    assert shop.installation.lakehouse.rows("bronze/tracked_event", ["message_id"])["message_id"].to_pylist() == ["m99"]


def test_events_are_pushed_after_a_failure_of_the_store(shop: FeatureShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that arrive between the failure and the next try."""
    contract, tail = shop.installation.contracts[SOURCE], LogTail(folder_of(shop))
    projection = Projection(contract)

    def append(number: int) -> None:
        message = {"type": "track", "event": "x", "messageId": f"m{number}", "userId": "M1", **SESSION}
        log.append([projection.event(message, RECEIVED.replace(second=number), SignalHeaders()).line]).result()

    def fail(*_: Any) -> int:
        raise StoreUnavailable("the disk is full")

    with closing(AppendLog(folder_of(shop))) as log:
        append(1)
        with monkeypatch.context() as broken, Arrivals(shop.installation, contract, tail) as seen:
            broken.setattr("pipelines.collection.arrival.push_events", fail)
            with pytest.raises(StoreUnavailable):
                seen.push()
        append(2)
        with Arrivals(shop.installation, contract, tail) as seen:
            assert seen.push() == 2
    found = stored(shop, PERMITS)
    assert found is not None
    assert found["session_event_count"] == 2


def test_a_tail_reads_a_long_segment_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "GROUP_BYTES", 10)
    tail, lines = LogTail(tmp_path), [b"a" * (number % 9) for number in range(40)]
    with closing(AppendLog(tmp_path)) as log:
        log.append(lines).result()
        groups = list(tail.groups())
        assert [line for group in groups for line in group] == lines
        assert max(sum(len(line) + 1 for line in group) for group in groups) <= 10
        log.append([b"next"]).result()
        assert list(tail.groups()) == [[b"next"]]


def test_the_tail_reads_each_line_once_while_segments_are_sealed_and_loaded(shop: FeatureShop) -> None:
    projection, folder = Projection(shop.installation.contracts[SOURCE]), folder_of(shop)
    tail, read = LogTail(folder), list[bytes]()

    def look() -> bool:
        read.extend(line for group in tail.groups() for line in group)
        return True

    for number in range(12):
        message = {"type": "track", "event": "e", "anonymousId": "a", "messageId": str(number)}
        log = AppendLog(folder)
        log.append([projection.event(message, RECEIVED, SignalHeaders()).line]).result()
        if number % 3:
            look()
        log.close()
        if number % 4 == 3:
            load_segments(
                shop.installation,
                shop.installation.contracts[SOURCE],
                may_delete=look,
            )
    look()
    assert [line.split(b'"messageId":"')[1].split(b'"')[0] for line in read] == [str(n).encode() for n in range(12)]


def test_a_segment_is_deleted_only_after_it_was_looked_at(shop: FeatureShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PUSH_SECONDS", 1.0)
    monkeypatch.setattr(following, "LOAD_SECONDS", 0.05)
    monkeypatch.setattr(following, "LOOK_SECONDS", 60.0)
    projection, contract = Projection(shop.installation.contracts[SOURCE]), shop.installation.contracts[SOURCE]
    stop, loaded = threading.Event(), threading.Event()
    looked, push = threading.Event(), Arrivals.push

    def note(seen: Arrivals) -> int:
        try:
            return push(seen)
        finally:
            looked.set()

    monkeypatch.setattr(Arrivals, "push", note)
    arguments = (shop.installation, [contract], stop, lambda _: loaded.set())
    thread = threading.Thread(target=following.follow, args=arguments)
    thread.start()
    try:
        assert looked.wait(60)
        message = {"type": "track", "event": "x", "messageId": "m1", "userId": "M1"}
        with closing(AppendLog(folder_of(shop))) as log:
            log.append([projection.event(message, RECEIVED, SignalHeaders()).line]).result()
        assert loaded.wait(60)
    finally:
        stop.set()
        thread.join()
    assert stored(shop, PERMITS) is not None
