"""Changes of profiles reach a topic of a real broker, signed in the headers of the message."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from pathlib import Path

import pytest

from features.destination import channel
from features.destination.errors import ChannelDown, DestinationError
from features.destination.event import ChangeEvent, EventType
from features.destination.opening import open_channel
from installation.destination_settings import DestinationSettings, TopicSettings
from tests.features.retrieval.feature_shop import FeatureShop
from tests.kafka_broker import Broker

SECRET = b"a secret of 24 bytes or more"


def destination(folder: Path, **changes: str) -> DestinationSettings:
    """Return the settings of a destination that is the topic `profile`."""
    secret = folder / "crm"
    secret.write_text(base64.b64encode(SECRET).decode())
    secret.chmod(0o600)
    topic = {"brokers": "127.0.0.1:1", "topic": "profile", **changes}
    kafka = TopicSettings.model_validate({**topic, "secret_file": secret})
    return DestinationSettings(table="gold/trade", columns=("a",), purpose="personalisation", role="agent", kafka=kafka)


def test_events_are_messages_with_the_customer_as_key(tmp_path: Path, broker: Broker) -> None:
    from confluent_kafka import Consumer, TopicPartition

    topic = f"profile-{uuid.uuid4().hex}"
    broker.create_topic(topic)
    shop = FeatureShop(tmp_path / "data")
    settings = destination(tmp_path, brokers=broker.address, topic=topic)
    events = [
        ChangeEvent("evt_1", EventType.CHANGED, "c_a", "x", {"이름": 1}),
        ChangeEvent("evt_2", EventType.REMOVED, "c_b", None),
    ]
    with open_channel(shop.installation.settings, settings, shop.installation.clock) as opened:
        assert list(opened.send(events)) == [channel.Reply.TAKEN] * 2
        large = ChangeEvent("evt_3", EventType.CHANGED, "c_c", "y", {"text": "x" * 2_000_000})
        assert list(opened.send([large])) == [channel.Reply.REFUSED]
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "test"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = consumer.consume(2, 60)
    consumer.close()
    for message, event in zip(found, events, strict=True):
        headers = {name: value.decode() for name, value in message.headers()}
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + message.value()
        digest = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"
        assert message.key() == event.customer_id.encode()
        body = json.loads(message.value())
        assert (body["id"], body["type"], body["data"].get("values")) == (event.id, event.type, event.values or None)
    shop.close()


def test_brokers_that_do_not_answer_take_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = pytest.importorskip("features.destination.topic")
    monkeypatch.setattr(topic, "SECONDS", 1.0)
    shop = FeatureShop(tmp_path / "data")
    with (
        open_channel(shop.installation.settings, destination(tmp_path), shop.installation.clock) as opened,
        pytest.raises(ChannelDown, match="is sent later"),
    ):
        list(opened.send([ChangeEvent("evt_1", EventType.REMOVED, "c_b", None)]))
    with (
        pytest.raises(DestinationError, match="no entry bus"),
        open_channel(shop.installation.settings, destination(tmp_path, credentials="bus"), shop.installation.clock),
    ):
        pass
    shop.close()
