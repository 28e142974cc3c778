"""Sends messages to a topic of Kafka while its loaders and the broker are killed, and counts lost and doubled ones.

The contract has no key, so nothing but the offsets keeps a message from being loaded twice.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from subprocess import Popen

from bench.collect.delivery import Delivery, lost_and_doubled
from bench.collect.shop import CollectingShop, kill
from tests.kafka_broker import Broker, kafka_broker
from tests.pipelines.ingest.shop import write_contract

TOPIC, TABLE = "sale", "bronze/sale"
COLUMNS = {
    "sale_id": {"physical": "string", "required": True},
    "sold_at": {"physical": "timestamp_ntz", "required": True, "touchpointRole": "event_time"},
}
MESSAGE = '{"sale_id": "s%d", "sold_at": "2018-01-01T00:00:00"}'
LOADERS = 2
PARTITIONS = 2
_LONGEST_PAUSE_SECONDS = 5.0
_QUEUED = {"queue.buffering.max.messages": 1_000_000, "linger.ms": 20, "enable.idempotence": True}


class Sender:
    """Sends numbered messages to all partitions. Its client sends again until the broker has a message, once."""

    def __init__(self, broker: Broker) -> None:
        from confluent_kafka import Producer

        self.sent = 0
        self._failed = 0
        self._producer = Producer({"bootstrap.servers": broker.address, "log_level": 0, **_QUEUED})

    def send(self, count: int) -> None:
        """Hand messages to the client, which sends them while other things happen."""
        for number in range(self.sent, self.sent + count):
            self._producer.produce(TOPIC, MESSAGE % number, on_delivery=self._note)
            if number % 1000 == 0:
                self._producer.poll(0)
        self.sent += count

    def finish(self) -> None:
        """Wait until the broker has all messages."""
        if self._producer.flush(300) or self._failed:
            raise RuntimeError("the broker did not take every message")

    def _note(self, error: object, _: object) -> None:
        self._failed += error is not None


def deliver_messages(folder: Path, messages: int, kills: int, seed: int) -> Delivery:
    """Return what became of messages of a topic while loaders and the broker were killed.

    Two loaders take turns. After each part of the messages and a random pause, one of them or the broker is killed and
    started again. The topic gets another partition after a third and after two thirds of the kills.
    """
    rng, started = random.Random(seed), time.perf_counter()
    (folder / "broker").mkdir()
    with kafka_broker(folder / "broker") as broker:
        shop = topic_shop(folder / "data", broker)
        try:
            loaders = [shop.load() for _ in range(LOADERS)]
            sender, partitions = Sender(broker), PARTITIONS
            for number in range(kills):
                sender.send(messages // (kills + 1))
                if number in (kills // 3, kills * 2 // 3):
                    partitions += 1
                    _widen(broker, partitions)
                time.sleep(rng.uniform(0, _LONGEST_PAUSE_SECONDS))
                _kill_one(shop, loaders, broker, rng)
            sender.send(messages - sender.sent)
            sender.finish()
            for loader in loaders:
                kill(loader)
            shop.load_rest()
            found = shop.values(TABLE, "sale_id")
        finally:
            shop.close()
    lost, doubled = lost_and_doubled((f"s{number}" for number in range(messages)), found)
    return Delivery(messages, kills, 0, lost, doubled, time.perf_counter() - started)


def topic_shop(folder: Path, broker: Broker) -> CollectingShop:
    """Create the topic; return an installation whose source `sale` it is."""
    broker.create_topic(TOPIC, PARTITIONS)
    contracts = folder / "contracts"
    write_contract(contracts, {name: dict(column) for name, column in COLUMNS.items()})
    path = contracts / "source_sale.odcs.yaml"
    text = path.read_text("utf-8")
    start, end = text.index("servers:"), text.index("schema:\n")
    server = f"servers:\n  - {{server: bus, type: kafka, host: '{broker.address}', format: json}}\n"
    text = f"{text[:start]}{server}{text[end:]}"
    path.write_text(text.replace("physicalType: file\n", f"physicalType: topic\n    physicalName: {TOPIC}\n"), "utf-8")
    return CollectingShop(folder)


def _widen(broker: Broker, partitions: int) -> None:
    from confluent_kafka.cimpl import NewPartitions

    broker.admin.create_partitions([NewPartitions(TOPIC, partitions)])[TOPIC].result(60)


def _kill_one(shop: CollectingShop, loaders: list[Popen[bytes]], broker: Broker, rng: random.Random) -> None:
    chosen = rng.randrange(LOADERS + 1)
    if chosen == LOADERS:
        broker.stop()
        broker.start()
    else:
        kill(loaders[chosen])
        loaders[chosen] = shop.load()
