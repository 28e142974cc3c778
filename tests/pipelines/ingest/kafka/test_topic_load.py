"""Messages of a real broker are in bronze exactly once, whatever happens between them and the loader."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import IngestError
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.kafka import topic_load
from tests.kafka_broker import Broker
from tests.pipelines.ingest.kafka.conftest import TopicShop
from tests.pipelines.ingest.shop import NOW, Shop


def sale(number: int, **changes: Any) -> bytes:
    record = {
        "sale_id": f"s{number}",
        "phone": f"010-1234-{number:04d}",
        "amount": 1.50,
        "sold_at": "2017-03-01T10:00:00Z",
    }
    return json.dumps({**record, **changes}).encode()


def ids(topic: TopicShop) -> list[str]:
    return topic.shop.ids()


def test_each_load_reads_what_is_new_in_each_partition(topic: TopicShop) -> None:
    topic.send(sale(1), sale(2))
    topic.send(sale(3), partition=1)
    first = topic.load()
    assert (first.rows_read, first.rows_added, first.files_new, first.faults) == (3, 3, 1, ())
    assert not topic.load().is_changed
    topic.send(sale(4), partition=1)
    assert topic.load().rows_added == 1
    assert ids(topic) == ["s1", "s2", "s3", "s4"]
    places = topic.shop.rows(("sale_id", "_source_file", "_line", "amount"))
    assert [row[1:3] for row in places] == [(f"{topic.topic}/{p}", o) for p, o in [(0, 0), (0, 1), (1, 0), (1, 1)]]
    assert {str(row[3]) for row in places} == {"1.50"}


def test_an_event_that_is_sent_again_is_not_loaded_again(topic: TopicShop) -> None:
    topic.send(sale(1), sale(1), sale(1, amount=9))
    topic.load()
    topic.send(sale(1), sale(2), sale(1, sold_at="2017-05-01T10:00:00Z"), partition=1)
    assert topic.load().rows_known == 2
    assert topic.shop.rows(("sale_id", "amount", "_line")) == [
        ("s1", pytest.approx(1.5), 0),
        ("s2", pytest.approx(1.5), 1),
    ]


def test_without_a_key_equal_messages_are_different_events(topic: TopicShop) -> None:
    topic.columns = {name: {k: v for k, v in one.items() if k != "primaryKey"} for name, one in topic.columns.items()}
    topic.send(sale(1), sale(1))
    topic.load()
    topic.send(sale(1), sale(1), partition=1)
    topic.load()
    assert ids(topic) == ["s1"] * 4


def test_poison_and_drift_are_quarantined_and_do_not_block(topic: TopicShop) -> None:
    poison: list[bytes | None] = [
        b"\xff\xfe", b"{", b"[]", b"", None, b'{"other": 1}', b'{"items": [{"a": 1}]}', b"[" * 5000,
        sale(2, amount=-1), sale(3, sold_at=None), sale(4, amount="\ud800"),
    ]  # fmt: skip
    topic.send(*poison, sale(6), sale(7, colour="red"))
    result = topic.load()
    assert ids(topic) == ["s6", "s7"]
    assert (result.rows_read, result.rows_added, result.rows_quarantined, result.refused) == (13, 2, 11, ())
    found = topic.shop.quarantine("line", "column", "rule")
    assert found == [
        (0, None, "json"), (1, None, "json"), (10, "amount", "encoding"),
        (2, None, "json"), (3, None, "json"), (4, None, "no_value"), (5, None, "json"), (6, None, "json"),
        (7, None, "json"),
        (8, "amount", "bounds"), (9, "sold_at", "required"),
    ]  # fmt: skip
    assert [(event.kind, event.field) for event in result.drift] == [("new_field", "colour")]
    assert not topic.load().rows_quarantined


def test_a_field_that_may_have_been_renamed_is_not_lost(topic: TopicShop) -> None:
    """Some messages lack an optional field by nature, so only a field that no message has may have a new name."""
    renamed = json.dumps({"sale_id": "s1", "phone_number": "010", "sold_at": "2017-03-01T10:00:00Z"}).encode()
    topic.send(renamed)
    assert topic.load().rows_quarantined == 1
    assert topic.shop.quarantine() == [(0, "phone", "schema_drift")]
    topic.send(sale(2), renamed)
    assert topic.load().rows_added == 2
    topic.columns["phone"]["physicalName"] = "phone_number"
    topic.replay()
    assert ids(topic) == ["s1", "s2"]


def test_quarantined_messages_are_loaded_when_the_contract_is_corrected(topic: TopicShop) -> None:
    topic.send(sale(1, amount=-1), sale(1, amount=-1), sale(2, amount=-1))
    assert topic.load().rows_quarantined == 3
    del topic.columns["amount"]["minimum"]
    topic.replay()
    assert ids(topic) == ["s1", "s2"]
    assert not topic.replay().rows_read


def test_a_failed_commit_loads_nothing_and_the_next_load_everything(
    topic: TopicShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.send(*map(sale, range(20)), sale(20, amount=-1))
    with monkeypatch.context() as patched:
        patched.setattr(BronzeTable, "commit", lambda *_: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(IngestError):
            topic.load()
    assert ids(topic) == []
    assert topic.load().rows_added == 20
    assert len(topic.shop.quarantine()) == 1
    assert len(list((topic.shop.folder / "lakehouse/bronze/sale").glob("*.parquet"))) == 1


def test_of_two_loads_of_the_same_messages_one_is_refused(topic: TopicShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are taken from the contract, so that only the offsets keep the second load out."""
    topic.columns = {name: {k: v for k, v in one.items() if k != "primaryKey"} for name, one in topic.columns.items()}
    topic.send(sale(0))
    topic.load()
    topic.send(*map(sale, range(1, 10)))
    commit = BronzeTable.commit

    def commit_after_another_load(table: BronzeTable, *arguments: Any) -> None:
        monkeypatch.setattr(BronzeTable, "commit", commit)
        topic.load()
        commit(table, *arguments)

    monkeypatch.setattr(BronzeTable, "commit", commit_after_another_load)
    with pytest.raises(IngestError, match="another load committed"):
        topic.load()
    assert Counter(ids(topic)) == Counter(f"s{number}" for number in range(10))


def test_without_offsets_in_the_commit_messages_are_loaded_twice(
    topic: TopicShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the tests above."""
    topic.columns = {name: {k: v for k, v in one.items() if k != "primaryKey"} for name, one in topic.columns.items()}
    topic.send(sale(1))
    commit = BronzeTable.commit
    monkeypatch.setattr(BronzeTable, "commit", lambda table, *arguments: commit(table, *arguments[:-1]))
    topic.load()
    topic.load()
    assert ids(topic) == ["s1", "s1"]


def test_a_long_backlog_is_loaded_in_slices(topic: TopicShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_load, "SLICE_MESSAGES", 100)
    monkeypatch.setattr("pipelines.ingest.kafka.topic.FETCH_MESSAGES", 60)
    topic.send(*map(sale, range(300)), sale(0, amount=-1))
    topic.send(*map(sale, range(300, 400)), partition=1)
    result = topic.load()
    assert (result.rows_added, result.rows_quarantined) == (400, 1)
    assert len(set(ids(topic))) == len(ids(topic)) == 400
    assert topic.shop.lakehouse.delta("bronze/sale").version() >= 3
    newest = BronzeTable(topic.contract(), topic.shop.lakehouse).newest_load()
    assert newest is not None
    assert (newest.rows_read, newest.rows_quarantined) == (401, 1)


def test_messages_of_open_and_aborted_transactions_are_not_loaded(topic: TopicShop) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": topic.broker.address, "transactional.id": topic.topic})
    producer.init_transactions(60)
    for number, ends in enumerate([producer.commit_transaction, producer.abort_transaction, None]):
        producer.begin_transaction()
        producer.produce(topic.topic, sale(number), partition=0)
        producer.flush(60)
        if ends is not None:
            ends(60)
    topic.load()
    assert ids(topic) == ["s0"]
    producer.commit_transaction(60)
    topic.load()
    assert ids(topic) == ["s0", "s2"]
    assert not topic.load().is_changed


def test_deleted_messages_are_reported_and_later_ones_loaded(topic: TopicShop) -> None:
    topic.send(*map(sale, range(4)))
    topic.load()
    topic.send(*map(sale, range(4, 10)))
    from confluent_kafka import TopicPartition

    place = TopicPartition(topic.topic, 0, 7)
    topic.broker.admin.delete_records([place])[place].result(60)
    result = topic.load()
    assert [file.rule for file in result.refused] == ["lost_messages"]
    assert "3 messages from offset 4 on were deleted" in result.faults[0]
    assert ids(topic) == [f"s{number}" for number in (0, 1, 2, 3, 7, 8, 9)]
    assert topic.load().refused == ()


def test_a_topic_that_was_made_again_is_read_from_its_start(topic: TopicShop) -> None:
    topic.send(*map(sale, range(4)))
    topic.load()
    admin = topic.broker.admin
    admin.delete_topics([topic.topic])[topic.topic].result(60)
    time.sleep(1)
    topic.broker.create_topic(topic.topic, 2)
    topic.send(sale(3), sale(4))
    topic.load()
    assert ids(topic) == ["s0", "s1", "s2", "s3", "s4"]


def test_offsets_behind_the_end_are_read_again(topic: TopicShop) -> None:
    """As after an election of a broker that did not have the newest messages."""
    topic.send(*map(sale, range(4)))
    topic.load()
    table = BronzeTable(topic.contract(), topic.shop.lakehouse)
    key = next(key for key in _marks(table) if _marks(table)[key] == 4)
    table.commit([], [], NOW, None, [(key, 9)])
    topic.send(sale(4))
    topic.load()
    assert ids(topic) == ["s0", "s1", "s2", "s3", "s4"]


def test_new_partitions_are_read(topic: TopicShop) -> None:
    from confluent_kafka.admin import NewPartitions

    topic.send(sale(1))
    topic.load()
    admin = topic.broker.admin
    admin.create_partitions([NewPartitions(topic.topic, 3)])[topic.topic].result(60)
    for _ in range(100):
        if len(admin.list_topics(topic.topic, timeout=10).topics[topic.topic].partitions) == 3:
            break
        time.sleep(0.1)
    topic.send(sale(2), partition=2)
    topic.load()
    assert ids(topic) == ["s1", "s2"]


def test_a_topic_that_cannot_be_read_is_refused_once(topic: TopicShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.ingest.kafka.topic.CONNECT_SECONDS", 1)
    right, topic.topic = topic.topic, "no-such-topic"
    for _ in range(2):
        assert [file.rule for file in topic.load().refused] == ["unreachable"]
    assert len(topic.shop.quarantine()) == 1
    topic.topic = right
    topic.send(sale(1))
    assert topic.load().refused == ()
    address = topic.broker.port
    topic.broker.port = 1
    assert "cannot be read" in topic.load().faults[0]
    topic.broker.port = address


def _marks(table: BronzeTable) -> dict[str, int]:
    assert table.delta is not None
    log = Path(table.delta.table_uri.removeprefix("file://")) / "_delta_log"
    lines = [json.loads(line) for path in sorted(log.glob("*.json")) for line in path.read_text().splitlines()]
    return {one["txn"]["appId"]: one["txn"]["version"] for one in lines if "txn" in one}


LOADER = """
import json
import sys
from pathlib import Path
from pipelines.errors import IngestError
from pipelines.ingest.kafka import topic_load
from tests.kafka_broker import Broker
from tests.pipelines.ingest.kafka.conftest import TopicShop
from tests.pipelines.ingest.shop import Shop
topic_load.SLICE_MESSAGES = 2000
folder, port, topic, columns = sys.argv[1:]
shop = TopicShop(Shop(Path(folder)), Broker(Path(folder), Path(folder), int(port)), json.loads(columns), topic=topic)
print("ready", flush=True)
while True:
    try:
        shop.load()
    except IngestError:  # the other loader was first
        continue
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("loaders", [1, 2])
def test_messages_are_loaded_exactly_once_by_loaders_that_are_killed(topic: TopicShop, loaders: int) -> None:
    """The contract has no key, so nothing but the offsets keeps a message from being loaded twice."""
    topic.columns = {name: {k: v for k, v in one.items() if k != "primaryKey"} for name, one in topic.columns.items()}
    rng, sent = random.Random(5), 0
    arguments = [str(topic.shop.folder), str(topic.broker.port), topic.topic, json.dumps(topic.columns)]
    for _ in range(8):
        for partition in (0, 1):
            topic.send(*map(sale, range(sent, sent + 2000)), sale(sent, amount=-1), partition=partition)
            sent += 2000
        started = [
            subprocess.Popen([sys.executable, "-c", LOADER, *arguments], stdout=subprocess.PIPE, text=True)
            for _ in range(loaders)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 3))
        for process in started:
            with process:
                process.send_signal(signal.SIGKILL)
    topic.load()
    found = Counter(ids(topic))
    assert len(found) == sent
    assert set(found.values()) == {1}
    # Two loaders may both have noted a broken message; it counts once.
    assert len(set(topic.shop.quarantine("file_id", "line"))) == len(topic.shop.records()) == 16


@pytest.mark.slow
def test_a_broker_that_is_killed_during_a_load_only_delays_it(
    tmp_path: Path, columns: dict[str, dict[str, Any]], broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.ingest.kafka.topic.CONNECT_SECONDS", 2)
    monkeypatch.setattr("pipelines.ingest.kafka.topic.STALL_SECONDS", 2.0)
    monkeypatch.setattr(topic_load, "SLICE_MESSAGES", 500)
    (tmp_path / "broker").mkdir()
    own = Broker(tmp_path / "broker", broker.jars)
    own.start()
    topic = TopicShop(Shop(tmp_path), own, columns)
    own.create_topic(topic.topic, 2)
    topic.send(*map(sale, range(1200)))
    commit = BronzeTable.commit

    def commit_and_kill(table: BronzeTable, *arguments: Any) -> None:
        commit(table, *arguments)
        own.stop()

    try:
        with monkeypatch.context() as patched:
            patched.setattr(BronzeTable, "commit", commit_and_kill)
            patched.setattr("pipelines.ingest.kafka.topic.FETCH_MESSAGES", 100)
            patched.setattr("pipelines.ingest.kafka.topic.QUEUE_KILOBYTES", 1)
            topic.load()
        assert [file.rule for file in topic.load().refused] == ["unreachable"]
        own.start()
        assert topic.load().refused == ()
        assert Counter(ids(topic)) == Counter(f"s{number}" for number in range(1200))
    finally:
        own.stop()
