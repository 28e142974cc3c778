"""The edits that erase persons from a table: of a source, of a table with customer ids, and of quarantine."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract, Contracts
from installation.quality.quarantine_content import QUARANTINE
from pipelines.erasure.delta_rewrite import TableEdit, drop
from pipelines.erasure.legal_record import is_kept_by_law, is_open, lock
from pipelines.ingest.bronze import bronze_schema
from pipelines.ingest.quarantine import RECORD
from pipelines.ingest.suppressed_row import Mask, PersonRows
from privacy.protection.data_key import KEY_ID_BYTES
from privacy.protection.source_person import Protection

_KEY_ID = slice(1, 1 + KEY_ID_BYTES)


def edit_of(table: str, schema: pa.Schema, contracts: Contracts, rows: PersonRows, protection: Protection) -> TableEdit:
    """Return the edit of a table by its contract; a copy of a source's table counts as that source."""
    if table == QUARANTINE:
        return QuarantineEdit(contracts, rows, protection)
    declared = next((contract for contract in contracts.values() if contract.table == table), None)
    if declared is None:
        names = set(schema.names)
        declared = next((one for one in contracts.sources if set(bronze_schema(one).names) == names), None)
    if declared is not None and declared.layer == "source":
        return SourceEdit(declared, rows, protection)
    return IdentifierEdit(declared, rows)


@dataclass
class SourceEdit:
    """Removes the rows of erased persons from a source's table; locks those that the law keeps.

    `rows_lost` counts locked rows with a field whose key was destroyed before, as in a restored table.
    """

    contract: Contract
    rows: PersonRows
    protection: Protection
    rows_lost: int = field(default=0, init=False)

    def columns(self, present: pa.Schema) -> list[str]:
        """Return the columns that tell whose a row is, and whether a kept row is locked already."""
        needed = self.rows.columns(self.contract, present.names)
        if is_kept_by_law(self.contract):
            needed += [one.name for one in self.contract.encrypted_columns if one.name in present.names]
        return list(dict.fromkeys(needed))

    def mark(self, rows: pa.RecordBatch) -> Mask:
        """Return the rows of erased persons, without locked ones."""
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        marked = self.rows.of_source(self.contract, columns, rows.num_rows)
        if marked.any() and is_kept_by_law(self.contract):
            marked &= is_open(self.contract, columns, rows.num_rows)
        return marked

    def is_stained(self, rows: pa.RecordBatch) -> bool:
        """Return whether a dictionary of the rows has an identifier of an erased person."""
        return self.rows.stains(None if is_kept_by_law(self.contract) else self.contract, rows)

    def change(self, rows: pa.RecordBatch, marked: Mask) -> pa.RecordBatch:
        """Return the rows without the marked ones, or with the marked ones locked."""
        if not is_kept_by_law(self.contract):
            return drop(rows, marked)
        locked = lock(self.contract, rows.filter(pa.array(marked)), self.protection)
        self.rows_lost += locked.lost
        columns = [_like(locked.rows.column(one.name), one.type) for one in rows.schema]
        parts = [drop(rows, marked), pa.RecordBatch.from_arrays(columns, schema=rows.schema)]
        whole = pa.Table.from_batches(parts).unify_dictionaries().combine_chunks()
        return next(iter(whole.to_batches()))


@dataclass(frozen=True)
class IdentifierEdit:
    """Removes rows with a customer id or token of an erased person from any other table.

    A column that may be null and is not the subject key, such as `previous_customer_id`, names somebody beside the
    person whose row it is. There the value alone goes.
    """

    contract: Contract | None
    rows: PersonRows

    def columns(self, present: pa.Schema) -> list[str]:
        """Return all columns of text."""
        return [one.name for one in present if _is_text(one.type)]

    def mark(self, rows: pa.RecordBatch) -> Mask:
        """Return the rows in which any text is, or contains, an identifier of an erased person."""
        marked: Mask = np.zeros(rows.num_rows, np.bool_)
        for name in self.columns(rows.schema):
            marked |= self.rows.of_values(rows.column(name))
        return marked

    def is_stained(self, rows: pa.RecordBatch) -> bool:
        """Return whether a dictionary of the rows has an identifier of an erased person."""
        return self.rows.stains(None, rows)

    def change(self, rows: pa.RecordBatch, marked: Mask) -> pa.RecordBatch:
        """Return the rows without those of erased persons, and without their identifiers in others' rows."""
        gone: Mask = np.zeros(rows.num_rows, np.bool_)
        for name in self.columns(rows.schema):
            found = self.rows.of_values(rows.column(name))
            if not found.any():
                continue
            if self._names_another(name):
                one = rows.schema.field(name)
                texts = rows.column(name).cast(pa.string())
                cleared = _like(pc.if_else(pa.array(found), pa.scalar(None, pa.string()), texts), one.type)
                rows = rows.set_column(rows.schema.names.index(name), one, cleared)
            else:
                gone |= found
        return drop(rows, gone)

    def _names_another(self, name: str) -> bool:
        if self.contract is None or name == self.contract.subject_key:
            return False
        found = next((column for column in self.contract.columns if column.name == name), None)
        return found is not None and not found.required and not found.primary_key and name.startswith("previous_")


@dataclass
class QuarantineEdit:
    """Removes the quarantined records of erased persons, also of records that name no source person.

    `key_ids` holds the keys of removed records that no other record uses, to be destroyed.
    """

    contracts: Contracts
    rows: PersonRows
    protection: Protection
    _gone: set[bytes] = field(default_factory=set)
    _kept: set[bytes] = field(default_factory=set)

    @property
    def key_ids(self) -> frozenset[bytes]:
        """Ids of the keys that encrypted removed records only."""
        return frozenset(self._gone - self._kept)

    def columns(self, present: pa.Schema) -> list[str]:
        """Return the columns with the record and its place."""
        return [name for name in ("source", "file_id", "line", "record") if name in present.names]

    def mark(self, rows: pa.RecordBatch) -> Mask:
        """Return the entries whose key was destroyed, or whose record is one of an erased person."""
        records = rows.column("record")
        if pa.types.is_dictionary(records.type):
            records = records.dictionary_decode()
        ids = [None if value is None else value[_KEY_ID] for value in records.to_pylist()]
        destroyed = self.protection.cipher.store.destroyed([one for one in ids if one is not None])
        places = zip(rows.column("file_id").to_pylist(), rows.column("line").to_pylist(), strict=True)
        marks = pa.array([f"{file}:{line}" for file, line in places], pa.string())
        texts = self.protection.cipher.decrypt(records, marks, RECORD, on_destroyed="null").to_pylist()
        marked: Mask = np.zeros(rows.num_rows, np.bool_)
        for row, (source, key_id, text) in enumerate(zip(rows.column("source").to_pylist(), ids, texts, strict=True)):
            contract = self.contracts.get(f"source.{source}")
            is_erased = contract is not None and self.rows.owns_record(contract, text)
            marked[row] = key_id in destroyed or is_erased
            if key_id is not None:
                (self._gone if marked[row] else self._kept).add(key_id)
        return marked

    def is_stained(self, rows: pa.RecordBatch) -> bool:
        """Return False: the columns that decide hold no identifier in clear."""
        return False

    def change(self, rows: pa.RecordBatch, marked: Mask) -> pa.RecordBatch:
        """Return the entries that are not marked."""
        return drop(rows, marked)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _like(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return values of the plain type in the type that the file's other rows have."""
    if pa.types.is_dictionary(kind):
        return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    return values if values.type == kind else values.cast(kind)
