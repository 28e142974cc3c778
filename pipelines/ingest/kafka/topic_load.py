"""Loads a source that is a topic of Kafka: the messages that its table does not have yet, each exactly once.

Rows take the same way as those of files: contract checks, quarantine, tokens, encryption. What is read is never written
to disk unencrypted.

The process can be killed at any moment without loss or repetition. Messages are loaded in slices. One commit makes the
rows of a slice visible and moves the offsets of its partitions; before it, the next run reads the same messages again.
Of two loads of the same partition at the same time, Delta refuses the second commit, because both move the same offset.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.batch_preparation import LoadContext, PreparedBatch, event_days, prepare, prepare_all
from pipelines.ingest.bronze import BronzeTable, LoadFigures
from pipelines.ingest.deduplication import Deduplication
from pipelines.ingest.event_column import event_column
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.field_encryption import RowEncryptor
from pipelines.ingest.hash_layout import match_hash_layout
from pipelines.ingest.kafka.connector import open_avro_reader, open_topic
from pipelines.ingest.kafka.message_rows import MessageRows, check_each
from pipelines.ingest.kafka.partition import Partition
from pipelines.ingest.load_id import make_load_id
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.quarantine import Origin, Quarantine, QuarantineEntry, RefusedFile
from pipelines.ingest.source_refusal import refuse_source
from privacy.contract.document import KafkaTopic
from privacy.protection.source_person import Protection

if TYPE_CHECKING:
    from pipelines.ingest.kafka.topic import Topic

SLICE_MESSAGES = 500_000
SLICE_BROKEN = 10_000
"""A slice ends after so many messages, or so many that break the contract: they are held in memory."""
LOST = "lost_messages"
"""Rule of an entry for messages that Kafka deleted before they were loaded."""


def load_topic(
    contract: Contract, lakehouse: Lakehouse, protection: Protection, now: datetime.datetime, options: LoadOptions
) -> LoadResult:
    """Load the messages that were in the topic when the load began.

    A topic that cannot be read is recorded in quarantine and tried again by the next run. A message that cannot be read
    is in quarantine, and the next one is loaded.
    """
    return _TopicLoad(contract, lakehouse, protection, now, options).run()


@dataclass
class _TopicLoad:
    contract: Contract
    lakehouse: Lakehouse
    protection: Protection
    now: datetime.datetime
    options: LoadOptions
    refused: list[RefusedFile] = field(default_factory=list)
    rereads: bool = False
    """Whether partitions are read again from their start, so that rows are compared with those of the table."""

    def __post_init__(self) -> None:
        assert self.contract.file is not None
        assert isinstance(self.contract.file.origin, KafkaTopic)
        self.origin = self.contract.file.origin
        self.quarantine = Quarantine(self.contract, self.lakehouse, self.protection)
        self.result = LoadResult(self.contract.name, make_load_id(self.contract, [str(self.now)]), files_seen=1)

    def run(self) -> LoadResult:
        """Load the topic, and return the result."""
        former = self.quarantine.refused_files()
        try:
            avro = open_avro_reader(self.origin)
            credential = self.options.credentials.get(self.origin.server)
            with open_topic(self.origin, credential) as topic:
                self._load(topic, MessageRows(self.contract, self.origin.topic, avro, self.options.max_line))
        except FileFaultError as fault:
            place = Origin(self.origin.topic, f"topic:{self.contract.id}")
            self.refused.append(refuse_source(self.quarantine, place, fault, former, self.result.load_id, self.now))
        else:
            self.quarantine.mark_replayed(((file_id, None) for file_id in former), self.result.load_id)
        faults = tuple(file.message for file in self.refused)
        return replace(self.result, refused=tuple(self.refused), faults=(*faults, *self.result.notes))

    def _load(self, topic: Topic, rows: MessageRows) -> None:
        table = BronzeTable(self.contract, self.lakehouse)
        table.require_form()
        note = match_hash_layout(table, self.protection, self.now)
        partitions = {one.number: one for one in topic.partitions()}
        starts = {number: self._start(table, one) for number, one in partitions.items()}
        load_id = make_load_id(self.contract, [f"{one.key}:{starts[one.number]}" for one in partitions.values()])
        self.result = replace(self.result, load_id=load_id)
        shared = LoadContext(self.contract, self.protection, load_id, self.now, self.options)
        is_finished = False
        while not is_finished:
            load = _Slice(shared, BronzeTable(self.contract, self.lakehouse), self.quarantine, partitions)
            is_finished = load.read(topic, rows, starts)
            load.commit(topic.positions, self.result, self.rereads)
            self.result, starts = self._sum(load), dict(topic.positions)
        drift, notes = rows.fields.find_drift()
        self.result = replace(self.result, drift=drift, notes=(*notes, *([note] if note else [])))

    def _start(self, table: BronzeTable, partition: Partition) -> int:
        """Return the offset from which a partition is read."""
        mark = partition.mark(table)
        if mark is None:
            return partition.first
        if mark > partition.end:
            # The brokers lost messages that were loaded, and new ones have their offsets.
            self.rereads = True
            return partition.first
        if mark < partition.first:
            self._report_lost(partition, mark)
        return max(mark, partition.first)

    def _report_lost(self, partition: Partition, mark: int) -> None:
        lost = partition.first - mark
        what = f"{lost:,} messages from offset {mark} on were deleted before they were loaded"
        reason = f"{what}; load more often, or let Kafka keep them longer"
        origin = replace(partition.origin, file_id=f"{partition.key}:{mark}")
        entry = QuarantineEntry(origin, None, None, LOST, reason, None, None)
        self.quarantine.add([entry], self.result.load_id, self.now)
        self.refused.append(RefusedFile(origin.file, None, LOST, reason, self.now))

    def _sum(self, load: _Slice) -> LoadResult:
        former = self.result
        return replace(
            former,
            files_new=int(former.files_new or load.is_changed),
            rows_read=former.rows_read + load.read_rows,
            rows_added=former.rows_added + load.added,
            rows_quarantined=former.rows_quarantined + len(load.broken),
            rows_known=former.rows_known + load.known,
            rows_suppressed=former.rows_suppressed + load.suppressed,
            days=tuple(sorted({*former.days, *load.days})),
        )


class _Slice:
    """The messages that one commit makes visible."""

    def __init__(
        self, shared: LoadContext, table: BronzeTable, quarantine: Quarantine, partitions: Mapping[int, Partition]
    ) -> None:
        self.shared = shared
        self.table = table
        self.quarantine = quarantine
        self.partitions = partitions
        self.broken: list[QuarantineEntry] = []
        self.days: set[datetime.date] = set()
        self.read_rows = self.added = self.known = self.suppressed = 0
        self.is_changed = False
        self._merge = Deduplication(table, event_column(shared.contract))
        self._staging = self._merge.new_staging_area()
        self._is_cut = False

    def read(self, topic: Topic, rows: MessageRows, starts: Mapping[int, int]) -> bool:
        """Stage messages from these offsets on; return whether all were read."""
        encryptor = RowEncryptor(self.shared.contract, self.shared.protection)
        messages = topic.messages(starts, {number: one.end for number, one in self.partitions.items()})
        try:
            for found in prepare_all(rows.batches(messages, self._is_enough), self._prepare):
                for prepared in found:
                    passed = encryptor.encrypt(prepared.passed, prepared.passed_rows)
                    self.days |= event_days(passed, self._merge.event_column)
                    self._staging.write(passed)
                    self.broken += prepared.broken
                    self.read_rows += prepared.rows
                    self.suppressed += prepared.suppressed
            self._staging.finish()
        except BaseException:
            self._staging.discard()
            raise
        return not self._is_cut

    def commit(self, positions: Mapping[int, int], former: LoadResult, rereads: bool) -> None:
        """Make the rows visible and move the offsets, in one commit. `former` counts the slices before this one."""
        shared = self.shared
        try:
            self._keep(rereads)
            marks = [
                (self.partitions[number].key, position)
                for number, position in positions.items()
                if position != self.partitions[number].mark(self.table)
            ]
            self.is_changed = bool(marks)
            self.quarantine.add(self.broken, shared.load_id, shared.loaded_at)
            if marks:
                read = former.rows_read + former.rows_suppressed + self.read_rows + self.suppressed
                figures = LoadFigures(shared.load_id, read, former.rows_quarantined + len(self.broken))
                self.table.commit(self._merge.kept, [], shared.loaded_at, figures, marks)
        except BaseException:
            self._merge.discard_unless_committed()
            raise

    def _keep(self, rereads: bool) -> None:
        """Keep the staged rows. The offsets tell new messages from known ones; only a repeat of a key is looked for."""
        if rereads or self.shared.contract.keeps_first:
            self.added, self.known, self.days = self._merge.keep_new(self._staging, self.days)
        else:
            self._merge.kept += self._staging.files
            self.added = sum(file.rows for file in self._staging.files)

    def _is_enough(self, messages: int) -> bool:
        self._is_cut = messages >= SLICE_MESSAGES or len(self.broken) >= SLICE_BROKEN
        return self._is_cut

    def _prepare(self, batch: RawBatch) -> list[PreparedBatch]:
        origin = self.partitions[int(batch.place)].origin
        return check_each(batch, partial(prepare, shared=self.shared, origins=origin))
