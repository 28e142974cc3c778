"""Decides which rows belong to erased persons, by the suppression list alone.

So the rule is the same at the erasure, after a kill, at a load of the same files, and in a restored backup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from pipelines.ingest.event_column import event_column
from privacy.contract.document import Document
from privacy.protection.source_person import HASH_COLUMNS, Protection, known_persons, row_names
from privacy.protection.suppression import (
    NOT_LISTED,
    REFERENCES,
    ListedIdentifiers,
    Moments,
    Suppressed,
    is_suppressed,
)
from privacy.protection.token import Tokenizer
from privacy.rights.subject import Subject

Mask: TypeAlias = npt.NDArray[np.bool_]
Columns: TypeAlias = Mapping[str, pa.Array]
ATTACH_KINDS = ("account_no", "device_id", "phone")
"""Kinds of keys that pass to others, as `pipelines.register.record` has them. A test compares both."""
PASSING_KINDS = (*ATTACH_KINDS, "email", "name_phone")
"""Kinds of keys that a later registration may have: of somebody else, or of the person who comes back."""
ROW = "row:"
"""Kind of `Subject.tokens` for a single row of a source: `row:<source>`, with the row's hash."""
HAS_ROWS = "source with rows"
_IDENTIFIER = r"c_[a-z2-7]{26}|[0-9a-f]{64}"
"""Form of a customer id, and of a matching token."""
_IDENTIFIERS = re.compile(_IDENTIFIER)
_LENGTHS = pa.array([28, 64], pa.int32())
"""Lengths of a customer id and of a token."""
_SHORTEST = 28
_TOKEN = "^[0-9a-f]{64}$"
_DELIMITER = re.compile(r"[,;|\t\r\n:{}]")


def entries_of(subject: Subject, moment: datetime | None) -> Iterator[Suppressed]:
    """Yield what is suppressed for a person who is erased at `moment` (the shop's wall time).

    Keys that others use as well or that a later registration may have (a phone, a device, the account of a household,
    an e-mail address) are suppressed up to that moment: what happens later is the others', or that of the person who
    registers anew. Numbers of registrations and cards are suppressed for ever, and a name alone never. `moment` None:
    everything for ever.
    """
    passed_on = {token for _, token in subject.shared_tokens}
    passed_on |= {token for kind, token in subject.tokens if kind in PASSING_KINDS}
    yield from (Suppressed("value", customer_id) for customer_id in subject.customer_ids)
    for kind, token in subject.tokens:
        if kind in REFERENCES:
            yield Suppressed(kind, token)
        elif kind.startswith(ROW):
            yield Suppressed(kind, token)
            yield Suppressed(HAS_ROWS, kind.removeprefix(ROW))
        elif kind != "name":
            yield Suppressed("value", token, moment if kind in PASSING_KINDS else None)
    for person in subject.source_persons:
        yield Suppressed("person", person, moment if person.partition(":")[2] in passed_on else None)


@dataclass(frozen=True)
class PersonRows:
    """Finds the rows of suppressed persons. `tokens` makes the names of source persons whose key has no token."""

    suppression: ListedIdentifiers
    tokens: Tokenizer

    @classmethod
    def of(cls, protection: Protection) -> PersonRows | None:
        """Return the rule of an installation; None if no person was erased."""
        return cls(protection.suppression, protection.tokens) if protection.suppression else None

    def columns(self, contract: Contract, present: Iterable[str]) -> list[str]:
        """Return the columns that `of_source` needs, of those that are present."""
        names = [column.token_name for column in contract.columns if column.token_name]
        subject = contract.column(contract.subject_key) if contract.subject_key else None
        names += [subject.name] if subject is not None and subject.token is None else []
        names += _references(contract)
        clock = event_column(contract)
        names += [clock] if clock else []
        names += HASH_COLUMNS if self.suppression.lists(HAS_ROWS, contract.name) else ()
        wanted = set(present)
        return [name for name in dict.fromkeys(names) if name in wanted]

    def of_source(self, contract: Contract, columns: Columns, rows: int) -> Mask:
        """Return which rows of a source belong to suppressed persons.

        Args:
            contract: the contract of the source.
            columns: the columns of `columns()`, in the contract's types.
            rows: number of rows.
        """
        until = np.full(rows, NOT_LISTED, np.int64)
        if not rows or not self.suppression:
            return np.zeros(rows, np.bool_)
        for column in contract.columns:
            if column.token_name and column.token_name in columns:
                np.maximum(until, self.suppression.until("value", columns[column.token_name]), out=until)
        for name, kind in _references(contract).items():
            if name in columns:
                np.maximum(until, self.suppression.until(kind, columns[name]), out=until)
        if _names_person(contract, columns):
            names = known_persons(contract, columns, self.tokens)
            np.maximum(until, self.suppression.until("person", names), out=until)
        if all(name in columns for name in HASH_COLUMNS) and self.suppression.lists(HAS_ROWS, contract.name):
            np.maximum(until, self.suppression.until(f"{ROW}{contract.name}", row_marks(columns)), out=until)
        return is_suppressed(until, _moments(contract, columns))

    def of_values(self, values: pa.Array | pa.ChunkedArray) -> Mask:
        """Return which values are, or contain, a customer id or token of a suppressed person."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if pa.types.is_string_view(values.type):
            values = values.cast(pa.string())
        encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        texts = encoded.dictionary.cast(pa.string())
        found = np.zeros(len(texts) + 1, np.bool_)
        lengths = pc.binary_length(texts)
        places = np.flatnonzero(_mask(pc.is_in(lengths, value_set=_LENGTHS)))
        found[places] = self.suppression.names(self.suppression.until("value", texts.take(pa.array(places))))
        # A text may also contain identifiers. A token contains none.
        is_longer = pc.and_(pc.greater(lengths, _SHORTEST), pc.invert(pc.match_substring_regex(texts, _TOKEN)))
        longer = np.flatnonzero(_mask(pc.and_(is_longer, pc.match_substring_regex(texts, _IDENTIFIER))))
        named = [_IDENTIFIERS.findall(text) for text in texts.take(pa.array(longer)).to_pylist()]
        listed = self.suppression.naming("value", {one for names in named for one in names})
        if listed:
            found[longer] = [not listed.isdisjoint(names) for names in named]
        indices = encoded.indices.fill_null(len(texts)) if encoded.indices.null_count else encoded.indices
        mask: Mask = found[indices.to_numpy(zero_copy_only=False).astype(np.int64)]
        return mask

    def stains(self, contract: Contract | None, rows: pa.RecordBatch) -> bool:
        """Return whether a dictionary of the rows has an identifier of a suppressed person, with or without a row."""
        kinds = _references(contract) if contract is not None else {}
        for name, column in zip(rows.schema.names, rows.columns, strict=True):
            if pa.types.is_dictionary(column.type):
                if self.of_values(column.dictionary).any():
                    return True
                if name in kinds and is_suppressed(self.suppression.until(kinds[name], column.dictionary), None).any():
                    return True
        return False

    def owns_record(self, contract: Document, record: str | None) -> bool:
        """Return whether a quarantined record names a suppressed person in any of its values.

        `record` is the row as it was read, in JSON; a row that could not be split is one text.
        """
        if record is None:
            return False
        kinds = {column.token for column in contract.columns if column.token}
        subject = contract.column(contract.subject_key) if contract.subject_key else None
        own_kind = None if subject is None else subject.token or f"{contract.name}.{subject.name}"
        for value in _pieces(json.loads(record)):
            if any(self.suppression.lists(kind, value) for kind in REFERENCES):
                return True
            for kind in {*kinds, *([own_kind] if own_kind else [])}:
                token = self.tokens.token(kind, value)
                if token is not None and self.suppression.lists("value", token):
                    return True
                if kind == own_kind and self.suppression.lists("person", f"{contract.name}:{token}"):
                    return True
        return False


def row_marks(columns: Columns) -> pa.Array:
    """Return the hash of each bronze row as text."""
    words = (np.asarray(columns[name].to_numpy(zero_copy_only=False)).view(np.uint64) for name in HASH_COLUMNS)
    return pa.array([mark.hex() for mark in row_names(*words).to_pylist()], pa.string())


def _references(contract: Document) -> dict[str, str]:
    """Return the columns that name a visit or an order, with the kind of reference."""
    return {
        column.name: column.touchpoint_role
        for column in contract.columns
        if column.touchpoint_role in REFERENCES and column.touchpoint_role is not None
    }


def _names_person(contract: Document, columns: Columns) -> bool:
    if contract.subject_key is None:
        return False
    subject = contract.column(contract.subject_key)
    return (subject.token_name or subject.name) in columns


def _moments(contract: Contract, columns: Columns) -> Moments | None:
    clock = event_column(contract)
    if clock is None or clock not in columns:
        return None
    moments = columns[clock].cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    found: Moments = moments.fill_null(int(NOT_LISTED)).to_numpy(zero_copy_only=False)
    return found


def _mask(values: pa.Array) -> Mask:
    found: Mask = values.fill_null(False).to_numpy(zero_copy_only=False)
    return found


def _pieces(record: Any) -> Iterator[str]:
    """Yield every value of a record as text, and the parts between delimiters of a text that was not split."""
    if isinstance(record, dict):
        for value in record.values():
            yield from _pieces(value)
    elif isinstance(record, list):
        for value in record:
            yield from _pieces(value)
    elif record is not None and not isinstance(record, bool):
        text = str(record)
        yield text
        parts = [part.strip().strip('"') for part in _DELIMITER.split(text)]
        yield from (part for part in parts if part and part != text)
