"""Changes stored rows to a changed contract, in the values, matching keys, row hashes and ciphertexts of each row.

The result is what a load of the same files under the new contract would store. So a row hash is changed by the share of
each changed column (`pipelines.ingest.row_hash.exchange_columns`), and rows that are exported again are still known.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Column, Contract, arrow_type
from installation.lakehouse.rows import plain_type
from pipelines.erasure.legal_record import retained_owners
from pipelines.ingest.bronze import bronze_schema
from pipelines.ingest.cast_result import CastColumn, Mask, UncastableError, keep, sound
from pipelines.ingest.constraint import check_domain, check_required
from pipelines.ingest.fault import RowFault, RowFaults
from pipelines.ingest.field_encryption import RowEncryptor
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.row_hash import exchange_columns
from pipelines.ingest.stored_hash import hash_columns, hash_input, is_keyed, stores_row_hash
from pipelines.ingest.type_cast import cast_column
from pipelines.ingest.value_rule import ValueRule, value_rules
from pipelines.table_form.change import ChangeKind, Difference
from privacy.protection.field import RETAINED, TableColumn
from privacy.protection.keyed_hash import key_hashes, unkey_hashes
from privacy.protection.revealer import LEGAL_RECORDS
from privacy.protection.source_person import (
    HASH_COLUMNS,
    Protection,
    is_bound_to_person,
    row_names,
    source_persons,
)

Columns: TypeAlias = Mapping[str, pa.Array]
RETYPED = (ChangeKind.WIDENED, ChangeKind.NARROWED, ChangeKind.CONVERTED)


def table_schema(contract: Contract) -> pa.Schema:
    """Return the Arrow schema of a stored table; every column may be null, as engines write it."""
    if contract.layer == "source":
        return bronze_schema(contract)
    return pa.schema([pa.field(column.name, arrow_type(column.spark_type)) for column in contract.columns])


@dataclass(frozen=True)
class ChangedRows:
    """The rows in the new form. A row with a fault does not fit; its values are not to be used."""

    rows: pa.RecordBatch
    faults: RowFaults


@dataclass(frozen=True)
class RowChange:
    """Changes the rows of one table. `now` is in UTC without a zone."""

    contract: Contract
    difference: Difference
    protection: Protection
    options: LoadOptions
    now: datetime.datetime

    @cached_property
    def is_checked(self) -> frozenset[str]:
        """The columns whose values are converted and checked."""
        kinds = (*RETYPED, ChangeKind.ADDED, ChangeKind.FILLED, ChangeKind.RULES)
        return frozenset(self.difference.of(*kinds))

    @cached_property
    def is_hashed_anew(self) -> bool:
        """Whether the row hashes change."""
        return bool(self.difference.of(*RETYPED, ChangeKind.RENAMED, ChangeKind.DROPPED, ChangeKind.FILLED))

    @cached_property
    def is_sealed_anew(self) -> bool:
        """Whether every encrypted value is encrypted again: it is bound to the row hash and to its column."""
        return bool(self.contract.encrypted_columns) and (
            self.is_hashed_anew or bool(self.difference.of(ChangeKind.ENCRYPTED))
        )

    @cached_property
    def opened_columns(self) -> tuple[str, ...]:
        """The columns of the table, by their former names, that are decrypted."""
        origin, changed = self.difference.origin, set(self.difference.of(*ChangeKind))
        sealed = [name for name, form in self.difference.before.columns.items() if form.encrypted]
        if self.is_sealed_anew or (sealed and self.is_hashed_anew):
            return tuple(sealed)
        wanted = {origin.get(name, name) for name in changed}
        return tuple(name for name in sealed if name in wanted)

    def __call__(self, batch: pa.RecordBatch) -> ChangedRows:
        """Return the rows of the table, with all its columns, in the new form."""
        stored = {name: _plain(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
        rows, faults = batch.num_rows, RowFaults.none(batch.num_rows)
        if stores_row_hash(self.contract):
            stored = self._with_hashes(stored, rows)
        opened = self._open(stored, self.opened_columns) if self.opened_columns and rows else {}
        before = {**stored, **{name: one.values for name, one in opened.items()}}
        after = {name: stored[name] for name in self._schema.names if name in stored}
        for column in self.contract.columns:
            former = self.difference.origin.get(column.name)
            given = pa.nulls(rows) if former is None else before[former]
            lost = opened[former].is_lost if former in opened else np.zeros(rows, np.bool_)
            after[column.name] = self._value(column, given, faults, lost) if column.name in self.is_checked else given
            if column.token_name:
                after[column.token_name] = self._token(column, former, stored, after[column.name])
            if column in self.contract.flagged_columns:
                after[column.flag_name] = self._flag(column, former, stored, after[column.name])
        if self.is_hashed_anew and all(name in after for name in HASH_COLUMNS):
            after |= self._hashes(stored, before, after)
        if self.is_sealed_anew and rows:
            after |= self._seal(stored, opened, after, rows)
        else:
            # What was decrypted to check it, or to make its matching keys, stays as it is stored.
            origin = self.difference.origin
            after |= {c.name: stored[origin[c.name]] for c in self.contract.encrypted_columns if c.name in origin}
        return ChangedRows(
            pa.record_batch([_as(after[field.name], field.type) for field in self._schema], schema=self._schema),
            faults,
        )

    def opened_rows(
        self, batch: pa.RecordBatch, rows: npt.NDArray[np.int64]
    ) -> tuple[dict[str, list[str | None]], pa.Array]:
        """Return the values of these rows as texts, by the header of their column, and the rows' source persons.

        Encrypted values are decrypted: callers must not persist the result.
        """
        chosen = batch.take(pa.array(rows))
        stored = {name: _plain(column) for name, column in zip(chosen.schema.names, chosen.columns, strict=True)}
        stored = self._with_hashes(stored, len(rows))
        sealed = [name for name, form in self.difference.before.columns.items() if form.encrypted]
        values = {**stored, **{name: one.values for name, one in self._open(stored, sealed).items()}}
        origin = self.difference.origin
        texts = {
            column.header: values[origin[column.name]].cast(pa.string()).to_pylist()
            for column in self.contract.columns
            if column.name in origin
        }
        return texts, self._owners(stored, origin)[1].cast(pa.string())

    @cached_property
    def _schema(self) -> pa.Schema:
        return table_schema(self.contract)

    @cached_property
    def _rules(self) -> dict[str, ValueRule]:
        return value_rules(self.contract, self.options, self.now)

    @cached_property
    def _encryptor(self) -> RowEncryptor:
        return RowEncryptor(self.contract, self.protection)

    def _value(self, column: Column, given: pa.Array, faults: RowFaults, lost: Mask) -> pa.Array:
        """Return the converted values, and mark those that do not fit; a value that is lost with its key fits."""
        own = RowFaults.none(len(given))
        cast = convert(given, arrow_type(column.spark_type), self._rules[column.name])
        for code, fault in enumerate(cast.faults, 1):
            rule, reason = fault or ("type", f"not a value of type {column.spark_type}")
            own.mark(cast.codes == code, RowFault(column.name, rule, reason))
        values = cast.values if column.absent_value is None else pc.fill_null(cast.values, column.absent_value)
        check_required(values, column, own)
        if self.contract.check_severity.get(column.name) != "warning":
            check_domain(values, column, own)
        own.codes[lost] = 0
        for code, meaning in enumerate(own.meanings, 1):
            faults.mark(own.codes == code, meaning)
        return values

    def _token(self, column: Column, former: str | None, stored: Columns, values: pa.Array) -> pa.Array:
        name = f"{former}_token"
        if name in stored and column.name not in self.difference.of(ChangeKind.TOKEN):
            return stored[name]
        assert column.token is not None
        return self.protection.tokens.tokens(column.token, values)

    def _flag(self, column: Column, former: str | None, stored: Columns, values: pa.Array) -> pa.Array:
        name = f"{former}_is_valid"
        if name in stored and column.name not in self.is_checked:
            return stored[name]
        if values.type != arrow_type(column.spark_type):  # not decrypted
            return pa.nulls(len(values), pa.bool_())
        own = RowFaults.none(len(values))
        check_domain(values, column, own)
        return pa.array(own.is_sound)

    def _with_hashes(self, stored: dict[str, pa.Array], rows: int) -> dict[str, pa.Array]:
        """Return the stored columns with the row hash, which a table without personal data does not store."""
        if self.contract.layer != "source" or all(name in stored for name in HASH_COLUMNS):
            return stored
        former = {name: stored[name] for name in self.difference.before.columns if name in stored}
        if is_keyed(self.contract):
            former = {name: former[name] for name in hash_input(self.contract) if name in former}
        return stored | hash_columns(former, rows, self.contract, self.protection)

    def _hashes(self, stored: Columns, before: Columns, after: Columns) -> dict[str, pa.Array]:
        """Return the row hashes with the share of each changed column exchanged."""
        difference = self.difference
        hashed = hash_input(self.contract)
        changed = [name for name in difference.of(*RETYPED, ChangeKind.RENAMED, ChangeKind.FILLED) if name in hashed]
        removed = {
            difference.origin[name]: before[difference.origin[name]] for name in changed if name in difference.origin
        }
        if not is_keyed(self.contract):
            removed |= {name: before[name] for name in difference.of(ChangeKind.DROPPED)}
        # A value that is lost with its key is null: it neither leaves the hash nor enters it.
        added = {name: after[name] for name in changed}
        low, high = (stored[name].to_numpy(zero_copy_only=False).view(np.uint64) for name in HASH_COLUMNS)
        key = None if self.contract.subject_key is None else self.protection.row_hash_key
        if key is not None:
            low, high = unkey_hashes(low, high, key)
        low, high = exchange_columns(low, high, removed, added)
        if key is not None:
            low, high = key_hashes(low, high, key)
        return {name: pa.array(half.view(np.int64)) for name, half in zip(HASH_COLUMNS, (low, high), strict=True)}

    def _open(self, stored: Columns, names: Iterable[str]) -> dict[str, _Opened]:
        """Return the values of the encrypted columns, decrypted in memory, by their former names."""
        marks, persons = self._owners(stored, self.difference.origin)
        found = {}
        new_names = {old: new for new, old in self.difference.origin.items()}
        for name in names:
            column = next((one for one in self.contract.columns if one.name == new_names.get(name)), None)
            is_of_person = column is not None and is_bound_to_person(column, self.contract)
            place = TableColumn(self.contract.table, name)
            texts = self.protection.cipher.decrypt(
                stored[name], persons if is_of_person else marks, place, "null", opens_retained=True
            )
            is_retained = pc.equal(pc.binary_slice(stored[name], 0, 1), RETAINED)
            found[name] = _Opened(
                texts.cast(arrow_type(self.difference.before.columns[name].type)),
                _mask(pc.and_(pc.is_valid(stored[name]), pc.is_null(texts))),
                _mask(is_retained),
            )
        return found

    def _owners(self, columns: Columns, origin: Mapping[str, str]) -> tuple[pa.Array, pa.Array]:
        """Return the names of the rows and of their source persons, for rows with these columns."""
        marks = row_names(*(columns[name].to_numpy(zero_copy_only=False).view(np.uint64) for name in HASH_COLUMNS))
        named = dict(columns)
        for new, old in origin.items():
            for ending in ("", "_token"):
                if f"{old}{ending}" in columns:
                    named[f"{new}{ending}"] = columns[f"{old}{ending}"]
        return marks, source_persons(self.contract, named, marks, self.protection.tokens)

    def _seal(self, stored: Columns, opened: Mapping[str, _Opened], after: Columns, rows: int) -> dict[str, pa.Array]:
        """Return the columns with every encrypted one encrypted for its row; what the law keeps stays locked."""
        origin, sealed = self.difference.origin, dict[str, pa.Array]()
        of_column = {column.name: opened.get(origin.get(column.name, "")) for column in self.contract.encrypted_columns}
        locked = np.zeros(rows, np.bool_)
        for one in of_column.values():
            locked |= one.is_retained if one is not None else False
        open_values = {
            name: pc.if_else(pa.array(~locked), after[name], pa.scalar(None, after[name].type)) for name in of_column
        }
        made = self._encryptor.encrypt({**after, **open_values}, rows)
        marks, persons = self._owners(after, {})
        for column in self.contract.encrypted_columns:
            values, one = _plain(made.column(column.name)), of_column[column.name]
            if locked.any() and LEGAL_RECORDS in column.purposes:
                names = persons if is_bound_to_person(column, self.contract) else marks
                values = pc.replace_with_mask(
                    values, pa.array(locked), self._locked(column, after, names.filter(pa.array(locked)), locked)
                )
            if one is not None and one.is_lost.any():
                lost = pa.array(one.is_lost)
                values = pc.replace_with_mask(values, lost, stored[origin[column.name]].filter(lost))
            sealed[column.name] = values
        return sealed

    def _locked(self, column: Column, after: Columns, names: pa.Array, locked: Mask) -> pa.Array:
        chosen = {name: values.filter(pa.array(locked)) for name, values in after.items()}
        owners = retained_owners(self.contract, chosen, int(locked.sum()))
        place = TableColumn(self.contract.table, column.name)
        texts = chosen[column.name].cast(pa.string())
        return self.protection.cipher.encrypt(texts, owners, names, place, is_retained=True)


@dataclass(frozen=True)
class _Opened:
    """A decrypted column: its values, which of them are lost with their key, and which only the law keeps."""

    values: pa.Array
    is_lost: Mask
    is_retained: Mask


def convert(values: pa.Array, target: pa.DataType, rule: ValueRule) -> CastColumn:
    """Convert stored values to another type, exactly; mark those that the type cannot hold.

    A text is read as a load reads it. Numbers, dates and times become texts in their plain form.
    """
    source = values.type
    try:
        if pa.types.is_timestamp(target) and target.tz is None and pa.types.is_date(source):
            return cast_column(values.cast(target), target, rule)
        if pa.types.is_date(target) and pa.types.is_timestamp(source):
            days = values.cast(pa.date32(), safe=False)
            is_midnight = pc.equal(days.cast(source, safe=False), values)
            return keep(days, _mask(is_midnight), ("type", "a time of day, which a date cannot hold"))
        if pa.types.is_integer(source) and pa.types.is_floating(target):
            numbers = values.cast(target, safe=False)
            is_exact = pc.equal(numbers.cast(pa.int64(), safe=False), values.cast(pa.int64()))
            return keep(numbers, _mask(is_exact), ("type", f"a number that {target} cannot hold exactly"))
        if pa.types.is_timestamp(source) and pa.types.is_string(target):
            return sound(pc.replace_substring_regex(values.cast(target), r"\.000000", ""))
        return cast_column(values, target, rule)
    except (UncastableError, pa.ArrowException):
        wrong = ~_mask(pc.is_null(values))
        reason = ("type", f"{source} cannot be converted to {target}")
        return CastColumn(pa.nulls(len(values), target), wrong.astype(np.int32), (reason,))


def _plain(values: pa.Array) -> pa.Array:
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    return _as(values, plain_type(values.type))


def _as(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        return values.dictionary_decode().cast(kind)
    return values if values.type == kind else values.cast(kind)


def _mask(flags: pa.Array) -> Mask:
    found: Mask = flags.fill_null(False).to_numpy(zero_copy_only=False)
    return found
