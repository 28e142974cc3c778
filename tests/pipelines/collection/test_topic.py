"""The loop over what arrives one by one loads the messages of topics."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from pathlib import Path

from pipelines.collection.following import follow
from pipelines.collection.micro_batch import load_messages
from pipelines.ingest.load_result import LoadResult
from privacy.contract.document import KafkaTopic
from tests.agent_serving.collector.collecting_shop import SOURCE
from tests.features.retrieval.feature_shop import FeatureShop
from tests.kafka_broker import Broker

MESSAGE = (
    b'{"messageId": "m%d", "type": "track", "event": "Product Added", "visitorId": "v", '
    b'"receivedAt": "2026-05-04T02:00:01Z", "%s": "%s"}'
)


def test_messages_of_a_topic_are_loaded_while_the_loop_runs(tmp_path: Path, broker: Broker) -> None:
    name = f"tracked-{uuid.uuid4().hex}"
    broker.create_topic(name)
    shop = FeatureShop(tmp_path)
    built_in = shop.installation.contracts[SOURCE]
    assert built_in.file is not None
    origin = KafkaTopic("bus", broker.address, name)
    form = replace(built_in.file, origin=origin, path="", format="json")
    contract = replace(built_in, file=form, collection={})
    at = next(column.header for column in contract.columns if column.touchpoint_role == "event_time")
    times = [(number, at.encode(), b"2026-05-04T02:00:00Z") for number in range(3)]
    broker.send(name, *(MESSAGE % one for one in times[:2]))
    assert (result := load_messages(shop.installation, contract)) is not None
    assert (result.rows_added, result.rows_quarantined) == (2, 0)
    assert load_messages(shop.installation, contract) is None
    broker.send(name, *(MESSAGE % one for one in times))
    stop, results = threading.Event(), list[LoadResult]()

    def note(found: LoadResult) -> None:
        results.append(found)
        stop.set()

    follow(shop.installation, [contract], stop, note)
    assert [(one.rows_added, one.rows_known) for one in results] == [(1, 2)]
    shop.close()
