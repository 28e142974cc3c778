"""The bytes of a row: one packed row a customer over all views, with a checksum.

    row     = CRC-32 of key and rest (4 bytes), then MessagePack {schema number: section}
    section = MessagePack [event time, time of the write, value, …]

A section is packed apart, so that a read unpacks those of the wanted views only. A time is microseconds since 1970 in
UTC. A schema number stands for a view with the names and kinds of its features, see `schema_book`.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from math import isinf
from typing import Any
from zlib import crc32

import msgpack

from features.store.errors import StoreDamaged, ValueRefused
from features.store.online_store import StoredView, Value, ValueKind, ViewSchema, microseconds_of, moment_of

VALUES_AT = 2
"""Place of the first value in a section, after the times."""
_CHECK = struct.Struct(">I")
_read_check = _CHECK.unpack_from
_unpack = msgpack.unpackb
_new = tuple.__new__
# The range of Python's datetime.
_EARLIEST, _LATEST = microseconds_of(datetime(1, 1, 1)), microseconds_of(datetime(9999, 12, 31))

_PYTHON_TYPES: dict[ValueKind, type] = {
    ValueKind.INT32: int,
    ValueKind.INT64: int,
    ValueKind.FLOAT32: float,
    ValueKind.FLOAT64: float,
    ValueKind.STRING: str,
    ValueKind.BOOL: bool,
    ValueKind.BYTES: bytes,
    ValueKind.TIMESTAMP: datetime,
    ValueKind.WALL_TIME: datetime,
}
_INT_BITS = {ValueKind.INT32: 31, ValueKind.INT64: 63}
_LIST = "_list"

KEY_LIMIT = 511
"""LMDB's limit of a key in bytes."""
KEY_ENCODING = ("utf-8", "surrogatepass")
"""Encoding of a customer id. Text that is no Unicode is a customer that does not exist, not an error."""
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

Sections = dict[int, bytes]
Content = tuple[Any, ...]
"""Event time, time of the write and values of one view, before they are packed."""
Moment = tuple[int, Callable[[int], datetime], bool]
"""A place with a moment among the values of a view, the conversion of its number, and whether it has a list of them."""


def checked_project(name: str) -> str:
    """Return the name of a project.

    Raises:
        ValueRefused: the name has other characters than a-z, 0-9, `_` and `-`.
    """
    if not _PROJECT.fullmatch(name):
        raise ValueRefused(f"The project name {name!r} is not usable; expected 1 to 63 of a-z, 0-9, `_` and `-`.")
    return name


def key_of(customer: str) -> bytes:
    """Return the bytes of a customer id that is written.

    Raises:
        ValueRefused: the id is empty or too long.
    """
    key = customer.encode(*KEY_ENCODING)
    if not 0 < len(key) <= KEY_LIMIT:
        raise ValueRefused(f"A customer id has {len(key)} bytes; expected 1 to {KEY_LIMIT}.")
    return key


def pack_row(key: bytes, sections: Sections) -> bytes:
    """Return the bytes of a customer's row."""
    body: bytes = msgpack.packb(sections)
    return _CHECK.pack(crc32(body, crc32(key))) + body


def unpack_row(key: bytes, row: bytes | memoryview) -> Sections:
    """Return the sections of a customer's row by schema number.

    Raises:
        StoreDamaged: the bytes are not those that were written for this key.
    """
    body = row[4:]
    if not body or _read_check(row)[0] != crc32(body, crc32(key)):
        raise StoreDamaged(
            "A row of the online store is not what was written for its customer. Restore the store's folder from a "
            "backup, or delete it and materialise the features again."
        )
    sections: Sections = _unpack(body, strict_map_key=False)
    return sections


class SchemaCodec:
    """Packs and unpacks the values of one schema."""

    def __init__(self, schema: ViewSchema) -> None:
        self.schema = schema
        # Most values are stored as they are; only these positions are converted when they are read.
        self.moments = [
            (place, moment_of if kind is not ValueKind.WALL_TIME else _wall_time_of, kind.endswith(_LIST))
            for place, (_, kind) in enumerate(schema.columns)
            if _element_kind(kind) in (ValueKind.TIMESTAMP, ValueKind.WALL_TIME)
        ]

    def sections(
        self, event_times_us: Sequence[int], written_us: int, rows: Sequence[Sequence[Value]]
    ) -> list[Content]:
        """Return the content of each row's section.

        Raises:
            ValueRefused: a row has another number of values than the schema, or a value is not of its kind.
        """
        names = self.schema.columns
        if any(len(row) != len(names) for row in rows):
            raise ValueRefused(f"A row of view {self.schema.view} has not the {len(names)} values of its schema.")
        if event_times_us and not _EARLIEST <= min(event_times_us) <= max(event_times_us) <= _LATEST:
            raise ValueRefused(f"An event time of view {self.schema.view} is outside of the years 1 to 9999.")
        columns = [
            _encode(f"{self.schema.view}:{name}", kind, column)
            for (name, kind), column in zip(names, zip(*rows, strict=True), strict=False)
        ]
        return list(zip(event_times_us, [written_us] * len(rows), *columns, strict=True))

    def view(self, section: bytes) -> StoredView:
        """Return the values of a section."""
        event_time, written, *values = _unpack(section)
        restore_moments(values, self.moments)
        # As StoredView(…), in half the time.
        return _new(StoredView, (self.schema, event_time, written, values))


def restore_moments(values: list[Any], moments: Iterable[Moment]) -> None:
    """Replace the numbers at these places by moments."""
    for place, moment, is_list in moments:
        if (value := values[place]) is not None:
            values[place] = [moment(one) for one in value] if is_list else moment(value)


def _element_kind(kind: ValueKind) -> ValueKind:
    return ValueKind(kind.removesuffix(_LIST))


def _encode(name: str, kind: ValueKind, column: Sequence[Any]) -> Sequence[Any]:
    """Return a feature's values as MessagePack stores them, after a check of their types."""
    if not kind.endswith(_LIST):
        return _encode_scalars(name, kind, column, has_nulls=True)
    _check_types(name, kind, column, {list, type(None)})
    element = _element_kind(kind)
    flat = _encode_scalars(name, element, list(chain.from_iterable(filter(None, column))), has_nulls=False)
    elements: Iterator[Any] = iter(flat)
    return [None if values is None else [next(elements) for _ in values] for values in column]


def _encode_scalars(name: str, kind: ValueKind, column: Sequence[Any], *, has_nulls: bool) -> Sequence[Any]:
    expected = _PYTHON_TYPES[kind]
    found = set(map(type, column))
    if expected is float and int in found:
        column = [float(value) if type(value) is int else value for value in column]
        found = set(map(type, column))
    if issubclass(expected, datetime):
        found = {datetime if issubclass(one, datetime) else one for one in found}
    _check_types(name, kind, column, {expected, type(None)} if has_nulls else {expected}, found)
    if expected is float:
        # As in Feast: a number that is not a number is a null, except inside a list.
        values = [None if value != value else value for value in column] if has_nulls else column
        return _narrow(name, values) if kind is ValueKind.FLOAT32 else values
    if expected is int:
        present = [value for value in column if value is not None]
        limit = 1 << _INT_BITS[kind]
        if present and not -limit <= min(present) <= max(present) < limit:
            raise ValueRefused(f"{name}: a number exceeds the range of its kind {kind.value}.")
    if issubclass(expected, datetime):
        to_number = _check_zone(name, kind)
        return [None if value is None else to_number(value) for value in column]
    return column


def _check_types(
    name: str, kind: ValueKind, column: Sequence[Any], allowed: set[type], found: set[type] | None = None
) -> None:
    wrong = (set(map(type, column)) if found is None else found) - allowed
    if wrong:
        raise ValueRefused(
            f"{name}: a value is of type {', '.join(sorted(one.__name__ for one in wrong))}; expected "
            f"{' or '.join(sorted(one.__name__ for one in allowed))}, because the feature is of kind {kind.value}."
        )


def _narrow(name: str, column: Sequence[Any]) -> list[Any]:
    narrow = [None if value is None else array("f", (value,))[0] for value in column]
    if any(value is not None and isinf(value) and not isinf(wide) for value, wide in zip(narrow, column, strict=True)):
        raise ValueRefused(f"{name}: a number exceeds the range of its kind float32.")
    return narrow


def _check_zone(name: str, kind: ValueKind) -> Callable[[datetime], int]:
    """Return the conversion of a moment; an instant must have a zone, and a wall time must have none."""
    has_zone = kind is ValueKind.TIMESTAMP

    def convert(value: datetime) -> int:
        if (value.tzinfo is not None) is not has_zone:
            raise ValueRefused(
                f"{name}: a moment {'without' if has_zone else 'with'} a zone; expected one "
                f"{'with' if has_zone else 'without'} a zone, because the feature is of kind {kind.value}."
            )
        return microseconds_of(value)

    return convert


def _wall_time_of(microseconds: int) -> datetime:
    return moment_of(microseconds).replace(tzinfo=None)
