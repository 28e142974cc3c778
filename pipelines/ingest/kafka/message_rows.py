"""Reads the messages of a topic as batches of text. One that cannot be read is marked, and the next one is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from installation.contract.document import Contract
from pipelines.ingest.batch import TEXT_BATCH_CHARACTERS, TEXT_BATCH_ROWS, RawBatch
from pipelines.ingest.drift import DriftEvent, suggest_renames
from pipelines.ingest.fault import FileFaultError, RowFault, RowFaults
from pipelines.ingest.json_field import NO_FIELD, JsonFields
from pipelines.ingest.json_lines_file import JsonBatch, JsonRecord, JsonRows, read_line
from pipelines.ingest.kafka.partition import TopicMessage
from pipelines.ingest.source_file import CONTENT_ERRORS

if TYPE_CHECKING:
    from pipelines.ingest.kafka.avro_message import AvroReader

NO_VALUE = RowFault(
    None, "no_value", "the message has no value: deletions in compacted topics are not carried out here"
)
MOST_SHAPES = 10_000
MOST_COMPARED_FIELDS = 100
T = TypeVar("T")


class MessageFields(JsonFields):
    """The fields of the messages of a topic.

    Each message is held against the contract by itself: one that may carry a value under a new name is marked, because
    the value would be lost, and the others are loaded. A field that some message has was not renamed.
    """

    def __init__(self, contract: Contract, topic: str) -> None:
        super().__init__(contract, topic)
        self._all_names: set[str] = set()
        self._verdicts: dict[frozenset[str], RowFault | None] = {}

    def add(self, objects: Sequence[dict[str, Any]], faults: RowFaults) -> None:
        """Note the fields of a batch of messages; mark those that differ too much from the contract."""
        names = set().union(*objects) - self._all_names
        if names:
            self._all_names |= names
            self._verdicts.clear()
            for name in names - self._names.keys():
                self._match_loosely(name)
        sound = []
        for position, item in enumerate(objects):
            fault = self._verdict(frozenset(item)) if item else None
            if fault is not None:
                faults.mark_row(position, fault)
            sound.append({} if fault is not None else item)
        super().add(sound, faults)

    def find_drift(self) -> tuple[tuple[DriftEvent, ...], tuple[str, ...]]:
        """Return the drift events of the topic, and notes for its load."""
        try:
            return super().find_drift()
        except FileFaultError as fault:
            return (), (fault.reason,)

    def _verdict(self, names: frozenset[str]) -> RowFault | None:
        if names not in self._verdicts:
            if len(self._verdicts) >= MOST_SHAPES:
                self._verdicts.clear()
            self._verdicts[names] = self._judge(names)
        return self._verdicts[names]

    def _judge(self, names: frozenset[str]) -> RowFault | None:
        assert self._contract.file is not None
        rule = self._contract.file.schema_drift
        extra = sorted(names - self._names.keys())
        if len(extra) == len(names):
            return NO_FIELD
        if rule == "accept" or not extra:
            return None
        missing = [column for column in self._contract.columns if self._all_names.isdisjoint(self.keys[column.name])]
        renamed = suggest_renames(missing, extra[:MOST_COMPARED_FIELDS])
        for column, name in renamed.items():
            header = self._contract.column(column).header
            reason = f"field {header} is missing; if {name} is its new name, add {name} to the column's synonyms"
            return RowFault(column, "schema_drift", reason)
        if rule == "refuse":
            return RowFault(None, "schema_drift", f"field {extra[0]} is not in the contract; add it, or state warn")
        return None


class MessageRows:
    """Makes batches of rows from messages. The `place` of a batch is the number of its partition.

    `max_size` is the longest allowed message in bytes.
    """

    def __init__(self, contract: Contract, topic: str, avro: AvroReader | None, max_size: int) -> None:
        assert contract.file is not None
        self.fields = MessageFields(contract, topic)
        self._rows = JsonRows(contract, contract.file, self.fields)
        self._form = contract.file
        self._avro = avro
        self._max_size = max_size

    def batches(self, lists: Iterator[list[TopicMessage]], is_enough: Callable[[int], bool]) -> Iterator[RawBatch]:
        """Yield the messages in batches until they end or `is_enough`, called with their number, is true."""
        waiting: dict[int, JsonBatch] = {}
        rows = characters = read = 0
        for messages in lists:
            for message in messages:
                record = self._record(message)
                waiting.setdefault(message.partition, JsonBatch()).add(*record)
                characters += len(record[1])
            rows, read = rows + len(messages), read + len(messages)
            if rows >= TEXT_BATCH_ROWS or characters >= TEXT_BATCH_CHARACTERS:
                yield from self._flush(waiting)
                waiting, rows, characters = {}, 0, 0
            if is_enough(read):
                break
        yield from self._flush(waiting)

    def _flush(self, waiting: Mapping[int, JsonBatch]) -> Iterator[RawBatch]:
        for partition, batch in waiting.items():
            found = self._rows.batch(batch)
            yield RawBatch(found.columns, found.lines, found.raw, found.faults, str(partition))

    def _record(self, message: TopicMessage) -> JsonRecord:
        value, offset = message.value, message.offset
        if value is None:
            return offset, "", {}, NO_VALUE
        if len(value) > self._max_size:
            fault = RowFault(None, "line_length", f"longer than {self._max_size} bytes (max_line_size)")
            return offset, "", {}, fault
        return read_message(offset, value, self._form.codec, self._avro)


def read_message(number: int, value: bytes, codec: str, avro: AvroReader | None) -> JsonRecord:
    """Return the record of a message. The text of one that cannot be decoded has its bytes as PEP 383 writes them."""
    if avro is None:
        return read_line(number, value.decode(codec, "surrogateescape"), "UTF-8")
    from pipelines.ingest.kafka.avro_message import MessageFault

    try:
        return read_line(number, avro.text(value), "UTF-8")
    except MessageFault as error:
        return number, value.decode("ascii", "surrogateescape"), {}, error.fault


def check_each(batch: RawBatch, work: Callable[[RawBatch], T]) -> list[T]:
    """Return the results of the work on a batch; a row that the work cannot hold is marked, and the others are done."""
    try:
        return [work(batch)]
    except CONTENT_ERRORS as error:
        if batch.rows > 1:
            middle = batch.rows // 2
            return [*check_each(_part(batch, 0, middle), work), *check_each(_part(batch, middle, batch.rows), work)]
        if not batch.faults.is_sound.all():
            raise
        # The text of these errors may hold a value, so only its kind is named.
        reason = f"a value cannot be checked ({type(error).__name__}); it is damaged or too large"
        empty = {name: pa.nulls(1, values.type) for name, values in batch.columns.items()}
        faults = RowFaults.none(1)
        faults.mark_row(0, RowFault(None, "unreadable", reason))
        return [work(RawBatch(empty, batch.lines, batch.raw, faults, batch.place))]


def _part(batch: RawBatch, start: int, end: int) -> RawBatch:
    columns = {name: values.slice(start, end - start) for name, values in batch.columns.items()}
    faults = RowFaults(np.array(batch.faults.codes[start:end]), list(batch.faults.meanings))
    return RawBatch(columns, batch.lines[start:end], lambda row: batch.raw(start + row), faults, batch.place)
