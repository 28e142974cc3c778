"""Each fault is sent once to each channel, and its end as well, whatever fails, ends or is killed on the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.operation import alert_book
from pipelines.operation.alert import Alert, AlertKind
from pipelines.operation.alert_book import LEASE, LONGEST_DELAY, NAME, AlertBook, Message
from pipelines.operation.record import STORE
from privacy.storage.document_store import DatabaseDocuments, DocumentStore, FolderDocuments
from tests.store_place import StorePlace

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
LATE = Alert(AlertKind.DATA_LATE, "bronze/delivery", "late")
FAILED = Alert(AlertKind.RUN_FAILED, "refresh", "failed")


@pytest.fixture
def book(store_place: StorePlace) -> AlertBook:
    return AlertBook(documents(store_place))


def documents(place: StorePlace) -> DocumentStore:
    if place.server is None:
        return FolderDocuments(place.folder / STORE)
    return DatabaseDocuments(place.server.open("lakehouse"), STORE)


def look(
    book: AlertBook, *alerts: Alert, at: datetime = NOW, broken: str = "", unobserved: tuple[str, ...] = ()
) -> list[tuple[str, str, str]]:
    """Look once; return what has arrived: channel, event, key. The channel `broken` takes nothing."""
    arrived = []
    for message in book.take(alerts, ("mail", "hook"), unobserved, at, DAY):
        book.settle(message, at, arrived=message.channel != broken)
        arrived += list(told(message)) if message.channel != broken else []
    return sorted(arrived)


def told(message: Message) -> Iterator[tuple[str, str, str]]:
    for kept in message.firing:
        yield message.channel, "firing", kept.alert.key
    for kept in message.resolved:
        yield message.channel, "resolved", kept.alert.key


def test_a_fault_is_sent_once_again_after_a_day_and_at_its_end(book: AlertBook) -> None:
    firing = [("hook", "firing", LATE.key), ("mail", "firing", LATE.key)]
    assert look(book, LATE) == firing
    assert look(book, LATE, at=NOW + DAY - MINUTE) == []
    assert look(book, LATE, at=NOW + DAY) == firing
    assert look(book, at=NOW + DAY + MINUTE) == [("hook", "resolved", LATE.key), ("mail", "resolved", LATE.key)]
    assert look(book, at=NOW + 3 * DAY) == []
    assert book.read().alerts == {}


def test_a_message_that_did_not_arrive_is_sent_again_later_and_the_others_are_not(book: AlertBook) -> None:
    assert look(book, LATE, broken="hook") == [("mail", "firing", LATE.key)]
    assert look(book, LATE, at=NOW + MINUTE / 2) == []
    assert look(book, LATE, at=NOW + MINUTE, broken="hook") == []
    assert look(book, LATE, at=NOW + 2 * MINUTE) == []
    assert look(book, LATE, at=NOW + 3 * MINUTE) == [("hook", "firing", LATE.key)]


def test_a_channel_that_never_heard_of_a_fault_is_not_told_its_end(book: AlertBook) -> None:
    look(book, LATE, broken="hook")
    assert look(book, at=NOW + DAY) == [("mail", "resolved", LATE.key)]


def test_what_cannot_be_observed_has_not_ended(book: AlertBook) -> None:
    look(book, LATE, FAILED)
    blind = Alert(AlertKind.NOT_OBSERVED, "runs", "cannot be read")
    found = look(book, blind, at=NOW + MINUTE, unobserved=("runs",))
    assert found == [("hook", "firing", blind.key), ("mail", "firing", blind.key)]
    found = look(book, LATE, at=NOW + 2 * MINUTE)
    assert {(event, key) for _, event, key in found} == {("resolved", FAILED.key), ("resolved", blind.key)}


def test_the_message_of_a_killed_process_is_sent_again_with_the_same_identifier(book: AlertBook) -> None:
    def taken(at: datetime) -> list[str]:
        return [message.id for message in book.take([LATE], ("mail",), (), at, DAY)]

    first = taken(NOW)
    assert len(first) == 1
    assert taken(NOW + LEASE - timedelta(seconds=1)) == []
    assert taken(NOW + LEASE) == first


def test_many_processes_send_each_alert_once(store_place: StorePlace) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(6) as pool:
        machines = [store_place]
        if store_place.is_shared:
            other = stack.enter_context(store_place.other_machine())
            machines.append(StorePlace(store_place.folder, other))
        books = [AlertBook(documents(machines[number % len(machines)])) for number in range(6)]
        sent = [one for found in pool.map(lambda book: look(book, LATE, FAILED), books) for one in found]
    assert sorted(sent) == sorted(set(sent))
    assert len(sent) == 4


def play(book: AlertBook, seed: int) -> list[str]:
    """Play 200 looks with random faults, broken channels and kills; return what is wrong with what arrived.

    Each channel hears "firing" and "resolved" of a fault by turns, and at the end it knows the truth. After a kill its
    next message may be a repeated one, because nobody knows whether the last one has arrived.
    """
    rng, at, wrong = random.Random(seed), NOW, list[str]()
    heard: dict[tuple[str, str], str] = {}
    unsure: set[tuple[str, str]] = set()
    truth: set[Alert] = set()
    for step in range(200):
        is_quiet = step >= 190
        if not is_quiet:
            truth ^= {one for one in (LATE, FAILED) if rng.random() < 0.1}
        for message in book.take(sorted(truth, key=str), ("mail", "hook"), (), at, 1000 * DAY):
            arrives = is_quiet or rng.random() < 0.6
            is_killed = not is_quiet and rng.random() < 0.1
            for channel, event, key in told(message):
                place = (channel, key)
                if arrives and heard.get(place, "resolved") == event and place not in unsure:
                    wrong.append(f"step {step}: {channel} heard {event} of {key} again")
                if arrives:
                    heard[place] = event
                    unsure.discard(place)
                if is_killed:
                    unsure.add(place)
            if not is_killed:
                book.settle(message, at, arrived=arrives)
        at += LONGEST_DELAY if is_quiet else rng.choice([MINUTE, 10 * MINUTE])
    for channel in ("mail", "hook"):
        for alert in (LATE, FAILED):
            if (heard.get((channel, alert.key), "resolved") == "firing") != (alert in truth):
                wrong.append(f"{channel} does not know the truth about {alert.key}")
    return wrong


@pytest.mark.parametrize("seed", range(15))
def test_every_channel_hears_of_each_fault_and_end_by_turns(tmp_path: Path, seed: int) -> None:
    assert play(AlertBook(FolderDocuments(tmp_path)), seed) == []


def test_a_book_that_forgets_what_arrived_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AlertBook, "settle", lambda *_, **__: None)
    monkeypatch.setattr(alert_book, "LEASE", timedelta(0))
    assert play(AlertBook(FolderDocuments(tmp_path)), 1) != []


def test_a_book_that_cannot_be_read_is_begun_anew(tmp_path: Path) -> None:
    kept = FolderDocuments(tmp_path)
    kept.write(NAME, b"{")
    assert look(AlertBook(kept), LATE) == [("hook", "firing", LATE.key), ("mail", "firing", LATE.key)]
