"""Converts between Feast's protobuf values and the values of the online store.

Feast counts moments in whole seconds, and it has no wall time: it takes one as if it were in UTC, as its offline stores
do. A field with the tag `kind: wall_time` is kept as a wall time, so that services get it as the contract says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
from feast import Field, ValueType
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.type_map import NULL_TIMESTAMP_INT_VALUE

from features.store.errors import ValueRefused
from features.store.online_store import Value, ValueKind

_KINDS: Mapping[ValueType, tuple[str, ValueKind]] = {
    ValueType.INT32: ("int32", ValueKind.INT32),
    ValueType.INT64: ("int64", ValueKind.INT64),
    ValueType.FLOAT: ("float", ValueKind.FLOAT32),
    ValueType.DOUBLE: ("double", ValueKind.FLOAT64),
    ValueType.STRING: ("string", ValueKind.STRING),
    ValueType.BOOL: ("bool", ValueKind.BOOL),
    ValueType.BYTES: ("bytes", ValueKind.BYTES),
    ValueType.UNIX_TIMESTAMP: ("unix_timestamp", ValueKind.TIMESTAMP),
}
_LISTS: Mapping[ValueType, tuple[str, ValueKind]] = {
    ValueType[f"{one.name}_LIST"]: (f"{name}_list", ValueKind(f"{kind}_list")) for one, (name, kind) in _KINDS.items()
}
_OF_TYPE = {**_KINDS, **_LISTS}
_EMPTY = ValueProto()
_MISSING = (None, "null_val")

INSTANT = pa.timestamp("us", tz="UTC")
_ARROW: Mapping[ValueKind, pa.DataType] = {
    ValueKind.INT32: pa.int64(),
    ValueKind.INT64: pa.int64(),
    ValueKind.BOOL: pa.bool_(),
    ValueKind.FLOAT32: pa.float64(),
    ValueKind.FLOAT64: pa.float64(),
    ValueKind.TIMESTAMP: INSTANT,
    ValueKind.TIMESTAMP_LIST: pa.list_(INSTANT),
    ValueKind.WALL_TIME: pa.timestamp("us"),
}

Decode = Callable[[Mapping[str, ValueProto]], Value]
"""Returns the value of one feature from the values of a row."""
Encode = Callable[[Value], ValueProto]
"""Returns a stored value as Feast's."""


def kind_of(field: Field) -> ValueKind:
    """Return the kind in which a field of a feature view is stored.

    Raises:
        ValueRefused: the store has no such kind.
    """
    _, kind = _form_of(field)
    return ValueKind.WALL_TIME if kind is ValueKind.TIMESTAMP and field.tags.get("kind") == "wall_time" else kind


def decoder_of(view: str, field: Field) -> Decode:
    """Return what reads a field's value from the values of a row.

    Raises:
        ValueRefused: when it is called, if a value is of another type than the field.
    """
    form, kind = _form_of(field)
    name, expected, is_list = field.name, f"{form}_val", form.endswith("_list")
    zone = None if kind_of(field) is ValueKind.WALL_TIME else UTC
    is_moment = kind in (ValueKind.TIMESTAMP, ValueKind.TIMESTAMP_LIST)

    def decode(values: Mapping[str, ValueProto]) -> Value:
        found = values.get(name, _EMPTY)
        form = found.WhichOneof("val")
        if form != expected:
            if form in _MISSING:
                return None
            raise ValueRefused(f"{view}:{name}: a value is of Feast's type {form}; expected {expected}.")
        value: Any = getattr(found, expected)
        if is_list:
            value = list(value.val)
            return [_moment(second, UTC) for second in value] if is_moment else value
        if is_moment:
            return None if value == NULL_TIMESTAMP_INT_VALUE else _moment(value, zone)
        result: Value = value
        return result

    return decode


def encoder_of(field: Field) -> Encode:
    """Return what makes Feast's value from a stored one."""
    form, kind = _form_of(field)
    proto, is_moment = f"{form}_val", kind in (ValueKind.TIMESTAMP, ValueKind.TIMESTAMP_LIST)
    return partial(_encode_list if form.endswith("_list") else _encode, proto, is_moment)


def values_of(column: pa.Array, kind: ValueKind) -> list[Any]:
    """Return the values of an Arrow column as the store takes them.

    Raises:
        ValueRefused: a value cannot be one of that kind.
    """
    if kind in _ARROW and column.type != _ARROW[kind]:
        # Nanoseconds are cut off. A column of whole numbers may be one of floats, since pandas has no other nulls.
        is_moment = kind in (ValueKind.TIMESTAMP, ValueKind.TIMESTAMP_LIST, ValueKind.WALL_TIME)
        try:
            column = column.cast(_ARROW[kind], safe=not is_moment)
        except pa.ArrowInvalid as error:
            raise ValueRefused(f"A column of {column.type} has a value that is no {kind.value}.") from error
    return list(column.to_pylist())


def _encode(proto: str, is_moment: bool, value: Any) -> ValueProto:
    if value is None:
        return _EMPTY
    found = ValueProto()
    setattr(found, proto, _second(value) if is_moment else value)
    return found


def _encode_list(proto: str, is_moment: bool, value: Sequence[Any] | None) -> ValueProto:
    if value is None:
        return _EMPTY
    found = ValueProto()
    repeated = getattr(found, proto)
    repeated.SetInParent()
    repeated.val.extend(map(_second, value) if is_moment else value)
    return found


def _form_of(field: Field) -> tuple[str, ValueKind]:
    kind = field.dtype.to_value_type()
    if kind not in _OF_TYPE:
        known = ", ".join(one.name for one in _OF_TYPE)
        raise ValueRefused(f"The feature {field.name} is of Feast's type {kind.name}; the online store keeps {known}.")
    return _OF_TYPE[kind]


def _moment(second: int, zone: Any) -> datetime:
    try:
        return datetime.fromtimestamp(second, UTC).replace(tzinfo=zone)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueRefused("A moment is outside of the years 1 to 9999.") from error


def _second(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 1)
