"""Tells how much has arrived for a source and is not in its bronze table yet: its lag.

The log of a collected source holds what waits. For a topic of Kafka it is the difference between the end of each
partition and the offset in the bronze table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from installation.collector.errors import LogError
from installation.collector.place import is_collected, segment_folder
from installation.collector.segment import open_segments, sealed_segments
from installation.contract.document import Contract
from installation.installation import Installation
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.kafka.connector import open_topic
from privacy.contract.document import KafkaTopic

LARGEST_LAG_SECONDS = 60.0
"""Age of the oldest waiting segment above which loading counts as late. `bojagi collect load` needs a few seconds."""
LARGEST_LAG_MESSAGES = 100_000
"""Waiting messages of a topic above which loading counts as late. Kafka does not say how old they are."""


@dataclass(frozen=True)
class Backlog:
    """What waits for a source at one moment. A figure that does not apply, or cannot be read, is None.

    Attributes:
        source: name of the source.
        kind: whether it arrives in the log of the collector or in a topic.
        segments: files of the log with events, the open ones included.
        size_bytes: their size.
        messages: messages of the topic.
        seconds: age of the oldest file, 0 if none waits.
        fault: why the figures cannot be read.
    """

    source: str
    kind: Literal["log", "topic"]
    segments: int | None = None
    size_bytes: int | None = None
    messages: int | None = None
    seconds: float | None = None
    fault: str | None = None

    @property
    def is_late(self) -> bool:
        """Whether loading is behind, or that cannot be seen."""
        is_slow = (self.seconds or 0) > LARGEST_LAG_SECONDS or (self.messages or 0) > LARGEST_LAG_MESSAGES
        return self.fault is not None or is_slow


def streamed_sources(installation: Installation) -> tuple[Contract, ...]:
    """Return the sources whose rows arrive one by one: those that are collected, and topics."""
    return tuple(one for one in installation.contracts.sources if is_collected(one) or _topic(one) is not None)


def read_backlog(installation: Installation, contract: Contract) -> Backlog:
    """Return what waits for a source. Changes nothing; a topic is asked for its ends."""
    origin = _topic(contract)
    if origin is not None:
        return _of_topic(installation, contract, origin)
    try:
        folder = segment_folder(contract, installation.settings)
    except LogError as error:
        return Backlog(contract.name, "log", fault=str(error))
    sizes, times = [], []
    for path in (*sealed_segments(folder), *open_segments(folder)):
        try:
            size = path.stat().st_size
        except FileNotFoundError:  # loaded or sealed meanwhile
            continue
        if size:
            sizes.append(size)
            times.append(int(path.name.split("-")[1]) / 1e9)
    now = datetime.now(UTC).timestamp()
    return Backlog(
        contract.name, "log", segments=len(sizes), size_bytes=sum(sizes),
        seconds=max(now - min(times), 0.0) if times else 0.0,
    )  # fmt: skip


def _of_topic(installation: Installation, contract: Contract, origin: KafkaTopic) -> Backlog:
    credential = installation.settings.source_credentials.get(origin.server)
    table = BronzeTable(contract, installation.lakehouse)
    try:
        with open_topic(origin, credential) as topic:
            partitions = topic.partitions()
    except FileFaultError as fault:
        return Backlog(contract.name, "topic", fault=str(fault))
    starts = ((one, one.mark(table)) for one in partitions)
    waiting = sum(one.end - (one.first if mark is None else max(mark, one.first)) for one, mark in starts)
    return Backlog(contract.name, "topic", messages=max(waiting, 0))


def _topic(contract: Contract) -> KafkaTopic | None:
    origin = contract.file.origin if contract.file is not None else None
    return origin if isinstance(origin, KafkaTopic) else None
