"""Loads quarantined rows into bronze after their contract was corrected."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from deltalake.exceptions import DeltaError

from installation.contract.document import Column, Contract, FileFormat
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.errors import IngestError
from pipelines.ingest.batch import TEXT_BATCH_ROWS, RawBatch
from pipelines.ingest.batch_preparation import LoadContext, event_days, prepare
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.database.stale_row import delete_replaced
from pipelines.ingest.deduplication import Deduplication
from pipelines.ingest.event_column import event_column
from pipelines.ingest.exact_json import decode_exactly
from pipelines.ingest.fault import FileFaultError, RowFault, RowFaults
from pipelines.ingest.field_encryption import RowEncryptor
from pipelines.ingest.hash_layout import match_hash_layout
from pipelines.ingest.header import loose_name
from pipelines.ingest.json_lines_file import as_text, parse_line
from pipelines.ingest.kafka.connector import open_avro_reader
from pipelines.ingest.kafka.message_rows import read_message
from pipelines.ingest.load_id import in_utc, make_load_id
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.quarantine import Origin, Quarantine
from pipelines.ingest.source_load import Clock
from pipelines.ingest.text_column import WHOLE_TEXT, blank_to_null, text_column
from pipelines.ingest.text_lines import restore_text
from privacy.contract.document import DatabaseTable, KafkaTopic
from privacy.protection.source_person import Protection


def replay_quarantine(
    contract: Contract,
    lakehouse: Lakehouse,
    protection: Protection,
    clock: Clock,
    options: LoadOptions | None = None,
) -> LoadResult:
    """Check the source's quarantined rows against its current contract, and load those that pass.

    Loaded rows keep their file and line. Rows that still break the contract stay in quarantine. A row that the table
    has received meanwhile, for instance from a corrected file, counts as known and is not added again. Records are
    decrypted in memory only; a record whose key was destroyed cannot be read and is left out. Files that could not be
    read at all are tried again by `ingest_source`, not here.

    Raises:
        IngestError: the table or quarantine cannot be written. Rows that were not committed are still in quarantine.

    """
    started = time.monotonic()
    try:
        result = _replay(contract, lakehouse, protection, in_utc(clock()), options or LoadOptions())
    except (OSError, DeltaError) as error:
        detail = str(error).strip().splitlines()[0]
        raise IngestError(
            f"Replaying {contract.name} failed: {detail}. Its rows are still in quarantine. "
            "Check that the disk has free space and that the lakehouse is writable, then replay again.",
            contract.name,
        ) from error
    return LoadResult(**{**vars(result), "seconds": time.monotonic() - started})


def _replay(
    contract: Contract, lakehouse: Lakehouse, protection: Protection, now: datetime.datetime, options: LoadOptions
) -> LoadResult:
    quarantine = Quarantine(contract, lakehouse, protection)
    rows = quarantine.open_rows()
    load_id = make_load_id(contract, ["replay", *(f"{row['file_id']}:{row['line']}" for row in rows)])
    table = BronzeTable(contract, lakehouse)
    table.require_form()
    match_hash_layout(table, protection, now)
    merge = Deduplication(table, event_column(contract))
    staging = merge.new_staging_area()
    shared = LoadContext(contract, protection, load_id, now, options)
    encryptor = RowEncryptor(contract, protection)
    days: set[datetime.date] = set()
    suppressed = 0
    still_broken: set[tuple[str, int | None]] = set()
    try:
        for batch, origins in _batches(rows, contract):
            try:
                prepared = prepare(batch, shared, origins)
            except FileFaultError:
                # Text can never be converted to a column's type; the rows stay where they are.
                still_broken |= {(origin.file_id, line) for origin, line in zip(origins, batch.lines, strict=True)}
                continue
            suppressed += prepared.suppressed
            passed = encryptor.encrypt(prepared.passed, prepared.passed_rows)
            days |= event_days(passed, merge.event_column)
            still_broken |= {(entry.origin.file_id, entry.line) for entry in prepared.broken}
            staging.write(passed)
        staging.finish()
        added, known, days = merge.keep_new(staging, days)
        if added:
            table.commit(merge.kept, [load_id], now)
            if contract.file is not None and isinstance(contract.file.origin, DatabaseTable):
                delete_replaced(contract, lakehouse)
    except BaseException:
        merge.discard_unless_committed()
        raise
    taken = {(row["file_id"], row["line"]) for row in rows} - still_broken
    quarantine.mark_replayed(taken, load_id)
    return LoadResult(
        source=contract.name,
        load_id=load_id,
        rows_read=len(rows) - suppressed,
        rows_suppressed=suppressed,
        rows_added=added,
        rows_quarantined=len(still_broken),
        rows_known=known,
        days=tuple(sorted(days)),
    )


def _batches(rows: list[dict[str, Any]], contract: Contract) -> Iterator[tuple[RawBatch, list[Origin]]]:
    assert contract.file is not None
    for start in range(0, len(rows), TEXT_BATCH_ROWS):
        part = rows[start : start + TEXT_BATCH_ROWS]
        # Of a database table, the row that was read last counts, not the one that was loaded last.
        is_table = isinstance(contract.file.origin, DatabaseTable)
        origins = [Origin(row["file"], row["file_id"], row["quarantined_at"] if is_table else None) for row in part]
        yield _batch(part, contract, contract.file), origins


def _batch(rows: list[dict[str, Any]], contract: Contract, form: FileFormat) -> RawBatch:
    faults = RowFaults.none(len(rows))
    kept = [decode_exactly(row["record"]) for row in rows]
    records = []
    for position, stored in enumerate(kept):
        record, fault = _reopen(stored, form)
        records.append(record)
        if fault is not None:
            faults.mark_row(position, fault)
    columns = {}
    for column in contract.columns:
        values = []
        for position, record in enumerate(records):
            try:
                values.append(_value(_find(record, column), form, column))
            except RecursionError:
                values.append(None)
                faults.mark_row(position, RowFault(column.name, "json", "nested too deeply"))
        array = text_column(values, column.name, form.encoding, faults)
        # A Parquet file marks null itself, so no text of it means null.
        columns[column.name] = array if form.format == "parquet" else blank_to_null(array, form.null_values)
    lines = np.array([row["line"] for row in rows], np.int64)
    return RawBatch(columns, lines, kept.__getitem__, faults)


def _reopen(record: dict[str, Any], form: FileFormat) -> tuple[dict[str, Any], RowFault | None]:
    """Return the fields of a quarantined record, and a fault if it has no fields.

    A line of JSON that could not be parsed is parsed again; a line of CSV is not.
    """
    if WHOLE_TEXT not in record:
        return record, None
    if isinstance(form.origin, KafkaTopic):
        value = restore_text(record[WHOLE_TEXT], "utf-8").encode("utf-8", "surrogateescape")
        _, text, fields, fault = read_message(0, value, form.codec, open_avro_reader(form.origin))
        return (decode_exactly(text) if fault is None else fields), fault
    if form.format in ("json", "jsonl"):
        text = restore_text(record[WHOLE_TEXT], form.codec)
        parsed, fault = parse_line(text, form.encoding)
        return (decode_exactly(text) if fault is None else parsed), fault
    return {}, RowFault(None, "fields", "the line cannot be split into fields; correct it in the file")


def _find(record: dict[str, Any], column: Column) -> Any:
    """Return the value of a column in a record, whose names may be spelled otherwise, as files may; else None."""
    exact = next((key for key in column.headers if key in record), None)
    if exact is None:
        loose = set(map(loose_name, column.headers))
        exact = next((key for key in record if loose_name(key) in loose), None)
    return None if exact is None else record[exact]


def _value(kept: Any, form: FileFormat, column: Column) -> str | None:
    if isinstance(kept, dict) and "base64" in kept:
        return restore_text(kept, form.codec)
    return as_text(kept, column.number_format)
