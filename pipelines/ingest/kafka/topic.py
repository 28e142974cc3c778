"""Reads a topic of Kafka through librdkafka.

Partitions are assigned, not subscribed to: the bronze table knows how far each was read, so no group has to agree on
it, and there is no rebalance that could hand a partition to two readers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from pipelines.ingest.database.connection import CONNECT_SECONDS, UNREACHABLE
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.kafka.partition import Partition, TopicMessage
from privacy.contract.document import KafkaTopic

FETCH_MESSAGES = 10_000
WAIT_SECONDS = 0.5
STALL_SECONDS = 30.0
"""How long the brokers may send nothing although there are messages. A new leader is chosen in a few seconds."""
QUEUE_KILOBYTES = 32 * 1024
"""Most that librdkafka fetches ahead. Its default is 64 MiB for each partition."""


class Topic:
    """A topic that is open for reading. `positions` is the next offset of each partition that `messages` has read."""

    def __init__(self, origin: KafkaTopic, consumer: Consumer, admin: AdminClient) -> None:
        self.origin = origin
        self.positions: dict[int, int] = {}
        self._consumer = consumer
        self._admin = admin

    @classmethod
    def open(cls, origin: KafkaTopic, login: Mapping[str, str]) -> Topic:
        """Return the topic, not yet connected. `login`: options of librdkafka, see `SourceCredential.kafka_options`.

        Raises:
            FileFaultError: an option of the credentials is unknown.
        """
        options: dict[str, Any] = {"bootstrap.servers": origin.brokers, "log_level": 0, **login}
        own = {
            # The client asks for one, and no group is joined.
            "group.id": "bojagi",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "queued.max.messages.kbytes": QUEUE_KILOBYTES,
        }
        quiet = logging.getLogger(__name__)
        try:
            return cls(origin, Consumer(options | own, logger=quiet), AdminClient(options, logger=quiet))
        except (KafkaException, TypeError, ValueError) as error:
            reason = f"the options of source_credentials.{origin.server} are refused: {_reason(error)}"
            raise FileFaultError(UNREACHABLE, reason) from error

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def partitions(self) -> list[Partition]:
        """Return the partitions with the offsets that they hold now.

        Raises:
            FileFaultError: the brokers do not answer, or there is no such topic that the user may read.
        """
        name = self.origin.topic
        try:
            listed = self._consumer.list_topics(name, timeout=CONNECT_SECONDS).topics[name]
            if listed.error is not None:
                raise KafkaException(listed.error)
            topic_id = self._topic_id()
            bounds = {
                number: self._consumer.get_watermark_offsets(TopicPartition(name, number), timeout=CONNECT_SECONDS)
                for number in sorted(listed.partitions)
            }
        except KafkaException as error:
            raise self._unreadable(error) from error
        return [Partition(name, topic_id, number, *bound) for number, bound in bounds.items()]

    def messages(self, starts: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[list[TopicMessage]]:
        """Yield the messages of each partition from its start to before its end, in lists, in order of the partition.

        A partition may end earlier, before the messages of a transaction that is not committed.

        Raises:
            FileFaultError: the brokers stopped to answer.
        """
        open_ends = {number: ends[number] for number, start in starts.items() if start < ends[number]}
        self.positions = dict(starts)
        self._assign([TopicPartition(self.origin.topic, number, starts[number]) for number in open_ends])
        heard = time.monotonic()
        while open_ends:
            found = self._fetch()
            taken = [one for message in found if (one := self._take(message, open_ends)) is not None]
            if found:
                heard = time.monotonic()
            elif time.monotonic() - heard > STALL_SECONDS:
                reason = f"the brokers of {self.origin.topic} sent nothing for {STALL_SECONDS:.0f} s; run again"
                raise FileFaultError(UNREACHABLE, reason)
            if taken:
                yield taken

    def _fetch(self) -> list[Message]:
        try:
            return list(self._consumer.consume(FETCH_MESSAGES, WAIT_SECONDS))
        except KafkaException as error:
            raise self._unreadable(error) from error

    def _take(self, message: Message, open_ends: dict[int, int]) -> TopicMessage | None:
        """Return a message that is to be read. Notes the position, and the end of a partition."""
        error, number, offset = message.error(), message.partition(), message.offset()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            if error.retriable():
                return None
            raise self._unreadable(KafkaException(error))
        if number is None or offset is None or number not in open_ends:
            return None
        end = open_ends[number]
        is_read = error is None and offset < end
        self.positions[number] = min(offset + is_read, end)
        if not is_read or self.positions[number] == end:
            del open_ends[number]
        return TopicMessage(number, offset, message.value()) if is_read else None

    def _assign(self, places: list[TopicPartition]) -> None:
        try:
            self._consumer.assign(places)
        except KafkaException as error:
            raise self._unreadable(error) from error

    def _topic_id(self) -> str:
        futures = self._admin.describe_topics(TopicCollection([self.origin.topic]), request_timeout=CONNECT_SECONDS)
        try:
            return str(futures[self.origin.topic].result().topic_id)
        except KafkaException as error:
            if error.args[0].code() in (KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION):
                return self.origin.brokers
            raise

    def _unreadable(self, error: KafkaException) -> FileFaultError:
        hint = "check host and physicalName in the contract, and the user's rights"
        return FileFaultError(UNREACHABLE, f"the topic {self.origin.topic} cannot be read: {_reason(error)}; {hint}")


def _reason(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, KafkaError) else str(first)
