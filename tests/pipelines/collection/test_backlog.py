"""The lag of a source, and the sensor that records it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from installation.collector.place import segment_folder
from installation.collector.segment import sealed_segments
from pipelines.collection.backlog import LARGEST_LAG_SECONDS, read_backlog
from pipelines.collection.micro_batch import load_messages, load_segments
from pipelines.defs.collection import collection_sensor
from privacy.contract.document import KafkaTopic
from tests.agent_serving.collector.collecting_shop import SOURCE
from tests.features.retrieval.feature_shop import FeatureShop
from tests.kafka_broker import Broker
from tests.pipelines.collection.test_micro_batch import message, write


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    made = FeatureShop(tmp_path)
    yield made
    made.close()


def age(shop: FeatureShop, seconds: float) -> None:
    """Make the sealed segments older."""
    for path in sealed_segments(segment_folder(shop.installation.contracts[SOURCE], shop.installation.settings)):
        kind, time, rest = path.name.split("-")
        path.rename(path.with_name(f"{kind}-{int(time) - int(seconds * 1e9):020d}-{rest}"))


def test_the_lag_is_the_age_of_the_oldest_segment_that_waits(shop: FeatureShop) -> None:
    contract = shop.installation.contracts[SOURCE]
    assert read_backlog(shop.installation, contract).segments == 0
    write(shop, message(1))
    age(shop, LARGEST_LAG_SECONDS + 1)
    write(shop, message(2))
    found = read_backlog(shop.installation, contract)
    assert (found.segments, found.is_late) == (2, True)
    assert found.seconds is not None
    assert found.seconds > LARGEST_LAG_SECONDS
    load_segments(shop.installation, contract)
    found = read_backlog(shop.installation, contract)
    assert (found.segments, found.size_bytes, found.seconds, found.is_late) == (0, 0, 0.0, False)


def test_the_sensor_records_when_a_source_is_late_and_when_it_has_caught_up(shop: FeatureShop) -> None:
    sensor, cursor = collection_sensor(shop.installation), None

    def tick() -> list[bool]:
        nonlocal cursor
        with dg.DagsterInstance.ephemeral() as instance:
            found = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))
        cursor = found.cursor
        assert not found.run_requests
        return [event.passed for event in found.asset_events if isinstance(event, dg.AssetCheckEvaluation)]

    assert [tick(), tick()] == [[True], []]
    write(shop, message(1))
    age(shop, LARGEST_LAG_SECONDS + 1)
    assert [tick(), tick()] == [[False], []]
    load_segments(shop.installation, shop.installation.contracts[SOURCE])
    assert [tick(), tick()] == [[True], []]


def test_the_lag_of_a_topic_is_what_its_table_has_not_read(shop: FeatureShop, broker: Broker) -> None:
    built_in = shop.installation.contracts[SOURCE]
    assert built_in.file is not None
    name = f"lag-{uuid.uuid4().hex}"
    form = replace(built_in.file, origin=KafkaTopic("bus", broker.address, name), path="", format="json")
    contract = replace(built_in, file=form, collection={})
    assert read_backlog(shop.installation, contract).fault is not None
    broker.create_topic(name)
    broker.send(name, b"{}", b"{}", b"{}")
    assert read_backlog(shop.installation, contract).messages == 3
    load_messages(shop.installation, contract)
    broker.send(name, b"{}")
    assert read_backlog(shop.installation, contract).messages == 1
