"""Sends events to a topic of Kafka. The key of a message is the customer, so the events of one stay in order."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Producer

from features.destination.channel import Reply
from features.destination.errors import ChannelDown, DestinationError
from features.destination.event import ChangeEvent
from installation.destination_settings import DestinationSettings
from installation.settings import Settings

SECONDS = 30.0
"""How long the brokers may take for the events of one call."""


def open_topic(
    settings: Settings, destination: DestinationSettings, clock: Callable[[], datetime.datetime]
) -> KafkaChannel:
    """Return the channel of a destination that is a topic.

    Raises:
        SettingsError: a secret or password cannot be read.
        DestinationError: the entry of `source_credentials` is missing, or an option is unknown.
    """
    topic = destination.kafka
    assert topic is not None
    options: dict[str, str] = {}
    if topic.credentials is not None:
        credential = settings.source_credentials.get(topic.credentials)
        if credential is None:
            raise DestinationError(f"The setting source_credentials has no entry {topic.credentials}; add it.")
        options = credential.kafka_options()
    own = {
        "bootstrap.servers": topic.brokers,
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": int(SECONDS * 1000),
        "log_level": 0,
    }
    try:
        producer = Producer(options | own, logger=logging.getLogger(__name__))
    except (KafkaException, TypeError, ValueError) as error:
        raise DestinationError(f"The options of source_credentials.{topic.credentials} are refused.") from error
    return KafkaChannel(destination, topic.read_secret(), clock, producer)


@dataclass
class KafkaChannel:
    """A topic, see `features.destination.channel.Channel`. The signature stands in the headers of a message."""

    settings: DestinationSettings
    secret: bytes
    clock: Callable[[], datetime.datetime]
    producer: Producer

    def send(self, events: Sequence[ChangeEvent]) -> Iterator[Reply]:
        """Send the events together; the replies follow when the brokers have answered."""
        errors: dict[int, KafkaError | None] = {}
        for place, event in enumerate(events):
            self._produce(event, lambda error, _, place=place: errors.__setitem__(place, error))
        self.producer.flush(SECONDS + 5)
        for place in range(len(events)):
            error = errors.get(place, KafkaError(KafkaError._MSG_TIMED_OUT))
            if error is None:
                yield Reply.TAKEN
            elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                yield Reply.REFUSED
            else:
                raise ChannelDown(f"The topic took no event ({error.name()}); the rest is sent later.")

    def _produce(self, event: ChangeEvent, report: Callable[..., None]) -> None:
        assert self.settings.kafka is not None
        now = self.clock()
        body = event.body(self.settings, now)
        headers: list[tuple[str, str | bytes | None]] = [
            (name, value.encode()) for name, value in event.headers(self.secret, body, now).items()
        ]
        topic, key = self.settings.kafka.topic, event.customer_id.encode()
        while True:
            try:
                self.producer.produce(topic, body, key, headers=headers, on_delivery=report)
                return
            except BufferError:
                self.producer.poll(0.5)
            except KafkaException as error:
                report(error.args[0], None)
                return
