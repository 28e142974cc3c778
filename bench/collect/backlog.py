"""Measures the memory of the collector while its events wait, and of the loads that then take them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.collect.delivery import Sending
from bench.collect.shop import CollectingShop
from bench.collect.topic import TABLE, Sender, topic_shop
from tests.kafka_broker import kafka_broker


@dataclass(frozen=True)
class Peaks:
    """Most memory in bytes of the collector while so many events arrived, and of one load of all of them."""

    collector: int
    load: int
    load_of_topic: int


def peaks(folder: Path, events: int) -> Peaks:
    """Return the peaks for so many events that arrive while no loader runs.

    Raises:
        RuntimeError: an event is not in bronze after one load.
    """
    (folder / "broker").mkdir(parents=True)
    with _closing(CollectingShop(folder / "collector")) as shop:
        server = shop.serve()
        sending = Sending(shop.port, shop.key, events)
        sending.start()
        sending.wait()
        collector = _most_memory(server.pid)
        load = _load(shop, events, shop.identifiers)
    with kafka_broker(folder / "broker") as broker, _closing(topic_shop(folder / "topic", broker)) as shop:
        sender = Sender(broker)
        sender.send(events)
        sender.finish()
        return Peaks(collector, load, _load(shop, events, lambda: shop.values(TABLE, "sale_id")))


def _load(shop: CollectingShop, events: int, found: Callable[[], list[str]]) -> int:
    peak = shop.load_once().peak_bytes
    if (count := len(found())) != events:
        raise RuntimeError(f"{count} events are in bronze, and {events} arrived")
    return peak


def _most_memory(process: int) -> int:
    """Return the largest resident memory that a process has had, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


@contextmanager
def _closing(shop: CollectingShop) -> Iterator[CollectingShop]:
    try:
        yield shop
    finally:
        shop.close()
