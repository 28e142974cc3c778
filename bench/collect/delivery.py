"""Sends events while the collector and the loader are killed at random moments, and counts lost and doubled ones."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.collect.shop import CollectingShop, Connection, batch, kill, message

SENDERS = 4
BATCH = 100
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Delivery:
    """What was sent and what arrived. `resent` counts events that were sent again because no 200 came."""

    events: int
    kills: int
    resent: int
    lost: int
    doubled: int
    seconds: float


class Sending:
    """The senders. Each sends a batch again until it is acknowledged, as SDKs do."""

    def __init__(self, port: int, key: str, events: int) -> None:
        self.acknowledged: list[str] = []
        self.resent = 0
        self._port, self._key = port, key
        self._lock = threading.Lock()
        self._batches = iter(range(0, events, BATCH))
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Wait until every event is acknowledged."""
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        with closing(Connection(self._port, self._key)) as connection:
            while True:
                with self._lock:
                    start = next(self._batches, None)
                if start is None:
                    return
                names = [f"event-{number}" for number in range(start, start + BATCH)]
                body = batch([message(name, f"M{start}") for name in names])
                while connection.post(body) != 200:
                    with self._lock:
                        self.resent += BATCH
                    time.sleep(_PAUSE_SECONDS)
                with self._lock:
                    self.acknowledged += names


def deliver(folder: Path, events: int, kills: int, seed: int) -> Delivery:
    """Return what became of events that were acknowledged while the two processes were killed.

    The moments of the kills are drawn over the acknowledged events, and each waits up to a second more, so that it
    falls anywhere in the work of the process. Either process is killed as often as the other, on average.
    """
    rng, started = random.Random(seed), time.perf_counter()
    shop = CollectingShop(folder)
    try:
        server, loader = shop.serve(), shop.load()
        sending = Sending(shop.port, shop.key, events)
        sending.start()
        for moment in sorted(rng.randrange(events * 9 // 10) for _ in range(kills)):
            while len(sending.acknowledged) < moment:
                time.sleep(0.01)
            time.sleep(rng.random())
            if rng.random() < 0.5:
                kill(server)
                server = shop.serve()
            else:
                kill(loader)
                loader = shop.load()
        sending.wait()
        kill(server)
        kill(loader)
        shop.load_rest()
        found = shop.identifiers()
    finally:
        shop.close()
    lost, doubled = lost_and_doubled(sending.acknowledged, found)
    seconds = time.perf_counter() - started
    return Delivery(len(sending.acknowledged), kills, sending.resent, lost, doubled, seconds)


def lost_and_doubled(acknowledged: Iterable[str], found: Iterable[str]) -> tuple[int, int]:
    """Return how many acknowledged events were not found, and how many were found once more than once.

    >>> lost_and_doubled(["a", "b", "c"], ["a", "a", "c", "sent and not acknowledged"])
    (1, 1)
    """
    counts = Counter(found)
    return sum(name not in counts for name in acknowledged), sum(count - 1 for count in counts.values())
