"""Checks a batch, hashes its rows and makes matching tokens, so that the rows are ready to be encrypted.

Rows that break the contract become quarantine entries.
"""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.batch_check import CheckedBatch, check_batch
from pipelines.ingest.corrected_row import with_corrections
from pipelines.ingest.fault import RowFaults
from pipelines.ingest.future_event import mark_future_events
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.quarantine import Origin, QuarantineEntry, in_json
from pipelines.ingest.stored_hash import stored_hashes
from pipelines.ingest.suppressed_row import Mask, PersonRows
from pipelines.ingest.value_rule import ValueRule, value_rules
from privacy.protection.source_person import Protection, known_persons

# Arrow and numpy release Python's global lock, so one batch is checked while the next is read and the last is written.
WORKERS = 2
T = TypeVar("T")


@dataclass(frozen=True)
class LoadContext:
    """The contract, keys, load id, time and options that all batches of a load share. `loaded_at` is UTC."""

    contract: Contract
    protection: Protection
    load_id: str
    loaded_at: datetime.datetime
    options: LoadOptions = field(default_factory=LoadOptions)

    @cached_property
    def rules(self) -> dict[str, ValueRule]:
        """The rules by which the values of each column are read."""
        return value_rules(self.contract, self.options, self.loaded_at)

    @cached_property
    def reference_date(self) -> datetime.date:
        """The run's reference date; without one, the shop's date at the time of the load."""
        now = self.loaded_at.replace(tzinfo=datetime.UTC).astimezone(ZoneInfo(self.options.time_zone))
        return self.options.reference_date or now.date()


@dataclass(frozen=True)
class PreparedBatch:
    """The checked rows of a batch.

    `passed` holds the bronze columns of the rows that pass, not yet encrypted. `broken` holds a quarantine entry for
    each other row. `rows` counts both. `suppressed` counts the rows of erased persons, which are in neither.
    """

    passed: dict[str, pa.Array]
    broken: list[QuarantineEntry]
    rows: int
    suppressed: int = 0

    @property
    def passed_rows(self) -> int:
        """Number of rows that pass."""
        return self.rows - len(self.broken)


def prepare(batch: RawBatch, shared: LoadContext, origins: list[Origin] | Origin) -> PreparedBatch:
    """Check a batch, hash its rows and make its matching tokens; return the rows that pass and the broken ones.

    `origins` names the file of all rows, or lists one file for each row. Rows of erased persons are left out.
    """
    columns, faults = complete(batch, shared)
    # After the hashes, so that a row that is loaded again is recognised as the row that the source delivered.
    columns = with_corrections(shared.contract, columns, shared.protection)
    columns["_load_id"] = _constant(shared.load_id, batch.rows)
    if isinstance(origins, Origin):
        columns["_source_file"] = _constant(origins.file, batch.rows)
        columns["_loaded_at"] = pa.repeat(pa.scalar(shared.loaded_at, pa.timestamp("us")), batch.rows)
    else:
        columns["_source_file"] = pa.array([origin.file for origin in origins]).dictionary_encode()
        columns["_loaded_at"] = pa.array([o.read_at or shared.loaded_at for o in origins], pa.timestamp("us"))
    columns["_line"] = pa.array(batch.lines)
    erased = erased_rows(batch, columns, faults, shared)
    sound = faults.is_sound
    if sound.all() and not erased.any():
        return PreparedBatch(columns, [], batch.rows)
    broken = _entries(batch, faults, columns, shared, origins, ~sound & ~erased)
    kept = pa.array(sound & ~erased)
    passed = {name: values.filter(kept) for name, values in columns.items()}
    suppressed = int(erased.sum())
    if suppressed:  # the dictionaries still have the values of the erased persons
        passed = {name: _without_unused(values) for name, values in passed.items()}
    return PreparedBatch(passed, broken, batch.rows - suppressed, suppressed)


def _without_unused(values: pa.Array) -> pa.Array:
    """Return the values with a dictionary of those that occur."""
    return values.dictionary_decode().dictionary_encode() if pa.types.is_dictionary(values.type) else values


def complete(batch: RawBatch, shared: LoadContext) -> tuple[dict[str, pa.Array], RowFaults]:
    """Return the contract's columns with tokens and stored row hashes, and the faults of the rows."""
    contract, tokens = shared.contract, shared.protection.tokens
    checked = check_rows(batch, contract, shared.rules, shared.reference_date)
    columns = dict(checked.columns)
    hashes = stored_hashes(contract, columns, batch.rows, shared.protection)
    for column in contract.columns:
        if column.token and column.token_name:
            columns[column.token_name] = tokens.tokens(column.token, columns[column.name])
    columns |= hashes
    # After the hashes, so that a row that is loaded again is recognised as the row that the source delivered.
    return with_corrections(contract, columns, shared.protection), checked.faults


def erased_rows(batch: RawBatch, columns: Mapping[str, pa.Array], faults: RowFaults, shared: LoadContext) -> Mask:
    """Return which rows are those of erased persons, also broken rows that name such a person in any value."""
    persons = PersonRows.of(shared.protection)
    if persons is None:
        return np.zeros(batch.rows, np.bool_)
    erased = persons.of_source(shared.contract, columns, batch.rows)
    for row in np.flatnonzero(~faults.is_sound & ~erased).tolist():
        erased[row] = persons.owns_record(shared.contract, in_json(batch.raw(row)))
    return erased


def check_rows(
    batch: RawBatch, contract: Contract, rules: Mapping[str, ValueRule], reference_date: datetime.date
) -> CheckedBatch:
    """Return a batch in the contract's types, with every fault for which a load sends a row to quarantine."""
    checked = check_batch(batch, contract, rules)
    mark_future_events(checked.columns, contract, reference_date, checked.faults)
    return checked


def _entries(
    batch: RawBatch,
    faults: RowFaults,
    columns: Mapping[str, pa.Array],
    shared: LoadContext,
    origins: list[Origin] | Origin,
    chosen_rows: Mask,
) -> list[QuarantineEntry]:
    rows = np.flatnonzero(chosen_rows)
    chosen = {name: values.take(pa.array(rows)) for name, values in columns.items()}
    persons = known_persons(shared.contract, chosen, shared.protection.tokens)
    entries = []
    for position, row in enumerate(rows.tolist()):
        fault, line = faults.fault(row), int(batch.lines[row])
        origin = origins if isinstance(origins, Origin) else origins[row]
        # Without an identifying column, rows may belong to different people. Each row then gets its own person.
        person = persons[position].as_py() or f"{shared.contract.name}:entry:{origin.file_id}:{line}"
        record = in_json(batch.raw(row))
        entries.append(QuarantineEntry(origin, line, fault.column, fault.rule, fault.reason, record, person))
    return entries


def prepare_all(batches: Iterable[RawBatch], work: Callable[[RawBatch], T]) -> Iterator[T]:
    """Yield the prepared batches in order; up to `WORKERS` batches are prepared at the same time."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) > WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def event_days(rows: pa.RecordBatch, column: str | None) -> set[datetime.date]:
    """Return the distinct event days of the rows; null is left out. Empty if there is no event column."""
    if column is None or rows.num_rows == 0:
        return set()
    days = pc.unique(rows.column(column).cast(pa.date32(), safe=False))
    return {day for day in days.to_pylist() if day is not None}


def _constant(value: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))
