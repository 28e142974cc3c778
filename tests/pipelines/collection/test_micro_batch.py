"""Collected events are in bronze once: sent again, loaded by two loops, or killed in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake.exceptions import CommitFailedError

from agent_serving.collector.projection import Projection
from agent_serving.collector.received_event import SignalHeaders
from installation.collector.append_log import AppendLog
from installation.collector.segment import sealed_segments
from installation.quality.quarantine_content import QUARANTINE
from pipelines.collection import micro_batch
from pipelines.collection.micro_batch import load_segments
from pipelines.erasure.landing_store import LandingStore
from pipelines.ingest import deduplication
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.quarantine_replay import replay_quarantine
from privacy.protection.suppression import Suppressed
from tests.agent_serving.collector.collecting_shop import SOURCE, folder_of
from tests.features.retrieval.feature_shop import FeatureShop

RECEIVED = datetime(2026, 5, 4, 2, 59, tzinfo=UTC)
TABLE = "bronze/tracked_event"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    one = FeatureShop(tmp_path)
    yield one
    one.close()


def message(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Added",
        "anonymousId": f"a{number % 7}",
        "messageId": f"m{number}",
        **fields,
    }


def write(shop: FeatureShop, *messages: dict[str, Any], second: int = 0) -> None:
    """Write a sealed segment, received at a second of the test."""
    projection = Projection(shop.installation.contracts[SOURCE])
    at = RECEIVED.replace(second=second)
    with closing(AppendLog(folder_of(shop))) as log:
        log.append([projection.event(one, at, SignalHeaders()).line for one in messages]).result()


def load(shop: FeatureShop) -> Any:
    return load_segments(shop.installation, shop.installation.contracts[SOURCE])


def identifiers(shop: FeatureShop) -> Counter[str]:
    return Counter(shop.installation.lakehouse.rows(TABLE, ["message_id"])["message_id"].to_pylist())


def test_events_that_are_sent_again_are_loaded_once(shop: FeatureShop) -> None:
    write(shop, *map(message, range(20)))
    assert load(shop).rows_added == 20
    # Again in the same segment, in another one of the same load, and after a load; each with another time of receipt.
    write(shop, *map(message, range(15, 30)), *map(message, range(25, 35)), second=1)
    write(shop, *map(message, range(28, 40)), second=2)
    result = load(shop)
    assert (result.rows_added, result.rows_known) == (20, 17)
    assert identifiers(shop) == {f"m{number}": 1 for number in range(40)}
    kept = shop.installation.lakehouse.rows(TABLE, ["message_id", "received_at"]).to_pylist()
    assert {row["received_at"].second for row in kept if row["message_id"] == "m16"} == {0}, "the first one stays"
    assert not sealed_segments(folder_of(shop))
    assert load(shop) is None


def test_the_rule_of_repeats_is_what_keeps_events_single(shop: FeatureShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deduplication, "is_keyed", lambda _: False)
    write(shop, message(1), message(1))
    load(shop)
    assert identifiers(shop) == {"m1": 2}


def test_of_two_machines_that_load_at_the_same_time_one_is_refused(shop: FeatureShop) -> None:
    write(shop, message(1))
    load(shop)
    contract, now = shop.installation.contracts[SOURCE], RECEIVED.replace(tzinfo=None)
    opened = BronzeTable(contract, shop.installation.lakehouse)
    write(shop, message(2))
    load(shop)
    with pytest.raises(CommitFailedError):
        opened.commit([], ["file"], now)
    BronzeTable(contract, shop.installation.lakehouse).commit([], ["file"], now)


def test_a_broken_event_goes_to_quarantine_with_the_reason(shop: FeatureShop) -> None:
    write(
        shop, message(1), message(2, type="teleport"), message(3, anonymousId=None), message(4, timestamp="yesterday"),
        message(5, properties={"product_id": "x" * 101}), message(6, timestamp="2027-01-01T00:00:00Z"),
    )  # fmt: skip
    result = load(shop)
    assert (result.rows_added, result.rows_quarantined) == (1, 5)
    found = shop.installation.lakehouse.rows(QUARANTINE, ["column", "rule"]).to_pylist()
    assert sorted((row["column"], row["rule"]) for row in found) == [
        ("event_at", "future"), ("event_at", "type"), ("product_id", "length"), ("type", "enum"),
        ("visitor_id", "required"),
    ]  # fmt: skip


def test_an_event_stays_single_over_days_and_through_quarantine(shop: FeatureShop) -> None:
    installation, contract = shop.installation, shop.installation.contracts[SOURCE]
    write(shop, message(1, timestamp="2026-05-01T00:00:00Z"), message(2, timestamp="2026-05-20T00:00:00Z"))
    load(shop)
    write(shop, message(1, timestamp="2026-05-03T00:00:00Z"), message(2, timestamp="2026-05-21T00:00:00Z"), second=1)
    result = load(shop)
    assert (result.rows_added, result.rows_known, result.rows_quarantined) == (0, 1, 1)
    shop.moment += timedelta(days=30)
    options = LoadOptions.of(installation.settings, installation.reference_date())
    replay_quarantine(contract, installation.lakehouse, installation.protection, installation.clock, options)
    assert identifiers(shop) == {"m1": 1, "m2": 1}


def test_a_load_that_is_killed_before_its_segments_are_deleted_is_repeated_without_effect(
    shop: FeatureShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shop, *map(message, range(5)))
    with monkeypatch.context() as killed:
        killed.setattr(micro_batch, "_delete_if_loaded", lambda *_: None)
        load(shop)
    assert len(sealed_segments(folder_of(shop))) == 1
    assert load(shop).rows_added == 0
    assert identifiers(shop) == {f"m{number}": 1 for number in range(5)}
    assert not sealed_segments(folder_of(shop))


def test_segments_that_may_not_be_deleted_yet_are_deleted_by_a_later_load(shop: FeatureShop) -> None:
    write(shop, message(1))
    contract = shop.installation.contracts[SOURCE]
    for _ in range(2):
        load_segments(shop.installation, contract, may_delete=lambda: False)
        assert len(sealed_segments(folder_of(shop))) == 1
    load(shop)
    assert not sealed_segments(folder_of(shop))
    assert identifiers(shop) == {"m1": 1}


def test_a_segment_from_which_an_erasure_takes_all_events_is_no_fault(shop: FeatureShop) -> None:
    installation = shop.installation
    write(shop, message(1, userId="M000000001"))
    token = str(installation.tokenizer.token("member_no", "M000000001"))
    installation.suppression.add([Suppressed("value", token)], "test")
    outcome = LandingStore(installation).erase(())
    assert outcome.counts == {"rows": 1, "files_rewritten": 1}
    result = load(shop)
    assert (result.rows_added, result.refused) == (0, ())
    assert not sealed_segments(folder_of(shop))
    assert load(shop) is None


def test_many_small_loads_leave_few_files(shop: FeatureShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(micro_batch, "MOST_DATA_FILES", 4)
    for number in range(9):
        write(shop, message(number))
        load(shop)
    delta = shop.installation.lakehouse.delta(TABLE)
    assert len(delta.file_uris()) < 5
    assert sum(identifiers(shop).values()) == 9


def test_identifiers_are_encrypted_and_in_no_file_afterwards(shop: FeatureShop, tmp_path: Path) -> None:
    write(shop, message(1, userId="M000000001", traits={"email": "kim@shop.example"}, anonymousId="browser-17"))
    load(shop)
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(word in text for text in texts for word in (b"kim@shop.example", b"M000000001", b"browser-17"))
