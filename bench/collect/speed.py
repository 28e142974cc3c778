"""Measures the collector: events a second, time to the acknowledgement, to the readable feature and to bronze."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.collect.shop import MEMBERS, TABLE, CollectingShop, Connection, batch, message
from features.repo.event_push import VIEW
from features.repo.push import stored_view
from features.store.online_store import OnlineStore
from features.store.opening import open_online_store

SENDERS = 4
BATCH = 100
RATE = 500
"""Events a second of the measurement of times."""
_RATE_BATCH = 10
_SAMPLE_SECONDS = 0.2
_LONGEST_SECONDS = 60.0


@dataclass
class Times:
    """Seconds of single requests and events, in the same run.

    Attributes:
        feature: seconds until an event was a feature; `_LONGEST_SECONDS` for those that were not seen.
        unseen: events that were not seen as a feature.
        late_seconds: most that the steady rate was behind, because the machine was busy.
    """

    acknowledged: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    feature: list[float] = field(default_factory=list)
    bronze: list[float] = field(default_factory=list)
    unseen: int = 0
    late_seconds: float = 0.0


def p99(values: list[float]) -> float:
    """Return the 99th percentile: the smallest value that is not below 99 % of the values."""
    ordered = sorted(values)
    return ordered[max(0, -(-99 * len(ordered) // 100) - 1)]


def throughput(folder: Path, events: int) -> float:
    """Return the acknowledged events a second of clients that send batches one after the other."""
    shop = CollectingShop(folder)
    try:
        shop.serve()
        bodies = [_body("speed", start, BATCH) for start in range(0, events + SENDERS * BATCH, BATCH)]
        left = iter(bodies[SENDERS:])
        lock, failed = threading.Lock(), list[int]()
        warm = threading.Barrier(SENDERS + 1)

        def send(first: bytes) -> None:
            with closing(Connection(shop.port, shop.key)) as connection:
                connection.post(first)
                warm.wait()
                while True:
                    with lock:
                        body = next(left, None)
                    if body is None:
                        return
                    if (status := connection.post(body)) != 200:
                        failed.append(status)

        threads = [threading.Thread(target=send, args=(body,)) for body in bodies[:SENDERS]]
        for thread in threads:
            thread.start()
        warm.wait()
        started = time.perf_counter()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        logged = shop.logged()
    finally:
        shop.close()
    if failed:
        raise RuntimeError(f"{len(failed)} batches were not acknowledged, the first with {failed[0]}")
    if logged != events + SENDERS * BATCH:
        raise RuntimeError(f"{logged} events are in the log, and {events + SENDERS * BATCH} were acknowledged")
    return events / seconds


def times(folder: Path, seconds: float) -> Times:
    """Return the times at a steady rate of events, with the loader beside the collector."""
    shop, found = CollectingShop(folder), Times()
    stop = threading.Event()
    try:
        shop.serve()
        shop.load()
        steady = threading.Thread(target=_keep_sending, args=(shop, stop, found))
        watcher = threading.Thread(target=_watch_bronze, args=(shop, stop, sent := dict[str, float](), found))
        with (
            closing(open_online_store(shop.installation, verify=False)) as store,
            closing(Connection(shop.port, shop.key)) as connection,
        ):
            _wait_for_first(connection, lambda number: _is_readable(store, number))
            steady.start()
            watcher.start()
            ends = time.perf_counter() + seconds
            for number in itertools.count(1):
                if time.perf_counter() > ends:
                    break
                name, started = f"sample-{number}", time.perf_counter()
                sent[name] = started
                if connection.post(_sample(name, number)) != 200:
                    raise RuntimeError("a sample was not acknowledged")
                while not (is_seen := _is_readable(store, number)) and _is_soon(started):
                    time.sleep(0.001)
                found.feature.append(time.perf_counter() - started)
                found.unseen += not is_seen
                time.sleep(_SAMPLE_SECONDS)
        ends = time.perf_counter() + _LONGEST_SECONDS
        while sent and time.perf_counter() < ends:
            time.sleep(0.05)
        found.bronze += [_LONGEST_SECONDS] * len(sent)
        stop.set()
        steady.join()
        watcher.join()
    finally:
        stop.set()
        shop.close()
    return found


def _body(prefix: str, start: int, size: int) -> bytes:
    return batch([message(f"{prefix}-{number}", f"M{number % MEMBERS}") for number in range(start, start + size)])


def _sample(name: str, number: int) -> bytes:
    event = message(name, "M0")
    return batch([event | {"properties": {"product_id": number}}])


def _is_readable(store: OnlineStore, number: int) -> bool:
    row = stored_view(store, "c_0", VIEW)
    return row is not None and row.as_dict()["last_product_id"] == number


def _is_soon(started: float) -> bool:
    return time.perf_counter() - started < _LONGEST_SECONDS


def _wait_for_first(connection: Connection, is_readable: Callable[[int], bool]) -> None:
    """Send events until one is a feature: then the loader follows the log."""
    for number in range(1_000_000, 1_000_600):
        connection.post(_sample(f"first-{number}", number))
        time.sleep(0.2)
        if is_readable(number):
            return
    raise RuntimeError("no event became a feature")


def _keep_sending(shop: CollectingShop, stop: threading.Event, found: Times) -> None:
    """Send events of other members at the rate; after each request, ask an endpoint that does nothing."""
    due = time.perf_counter()
    with closing(Connection(shop.port, shop.key)) as connection:
        for start in _starts(stop):
            members = {number: f"M{1 + number % (MEMBERS - 1)}" for number in range(start, start + _RATE_BATCH)}
            body = batch([message(f"rate-{number}", member) for number, member in members.items()])
            due += _RATE_BATCH / RATE
            late = time.perf_counter() - due
            found.late_seconds = max(found.late_seconds, late)
            time.sleep(max(0.0, -late))
            found.acknowledged.append(_timed(partial(connection.post, body)))
            found.empty.append(_timed(partial(connection.get, "/health/live")))


def _timed(ask: Callable[[], int]) -> float:
    started = time.perf_counter()
    if ask() != 200:
        raise RuntimeError("a request of the steady rate was not answered with 200")
    return time.perf_counter() - started


def _starts(stop: threading.Event) -> Iterator[int]:
    for start in itertools.count(0, _RATE_BATCH):
        if stop.is_set():
            return
        yield start


def _watch_bronze(shop: CollectingShop, stop: threading.Event, sent: dict[str, float], found: Times) -> None:
    """Note when each sample is in bronze; `sent` loses it then."""
    lakehouse = shop.installation.lakehouse
    version: int | None = None
    while not stop.is_set():
        newest = lakehouse.version(TABLE) if lakehouse.exists(TABLE) else None
        if newest != version:
            version = newest
            now = time.perf_counter()
            for name in set(sent) & set(shop.identifiers()):
                found.bronze.append(now - sent.pop(name))
        time.sleep(0.1)
