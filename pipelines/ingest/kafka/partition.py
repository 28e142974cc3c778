"""Holds a message of a topic, and how far each partition was read: the next offset.

The offset is stored in the same commit as the rows (as a version in Delta's record of application transactions), so the
two never differ. Kafka gets no offsets, because its client waits for minutes for brokers that hang.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.quarantine import Origin


class TopicMessage(NamedTuple):
    """A message of a topic. `value` is None for a deletion in a compacted topic."""

    partition: int
    offset: int
    value: bytes | None


@dataclass(frozen=True)
class Partition:
    """A partition with the offsets that it holds now: from `first` to before `end`.

    `topic_id` is Kafka's id of the topic, which a topic that was deleted and made again does not have; then its
    messages are new. For a broker before 3.1, which has no ids, it is the brokers' address.
    """

    topic: str
    topic_id: str
    number: int
    first: int
    end: int

    @property
    def key(self) -> str:
        """Name of its offset in the bronze table, and id of its messages in quarantine."""
        place = "\0".join((self.topic_id, self.topic, str(self.number)))
        return f"offset:{hashlib.sha256(place.encode()).hexdigest()[:32]}"

    @property
    def origin(self) -> Origin:
        """Where its rows come from, for bronze and quarantine. The line of a row is the offset of its message."""
        return Origin(f"{self.topic}/{self.number}", self.key)

    def mark(self, table: BronzeTable) -> int | None:
        """Return the offset of the next message to load; None before the first load."""
        found: int | None = table.delta.transaction_version(self.key) if table.delta is not None else None
        return found
