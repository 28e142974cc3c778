"""Messages between server and sites, and their form in Flower: arrays without pickle, a header and named bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict
from numpy.typing import NDArray

from federated.errors import FederatedError, PayloadRefused
from federated.schema import Arrays

Header = Mapping[str, str | int | float | bool]
DTYPES = {"float64", "int64", "uint64", "bool"}
"""Types of arrays that may travel."""
PACKED = "bojagi.packed"
"""Name and serialisation of the one array of Flower that carries all arrays of a message."""


class Step(StrEnum):
    """The messages of a round in order. A plain round has `CONTRIBUTE` only, a masked round the others."""

    CONTRIBUTE = "contribute"
    ADVERTISE = "advertise"
    SHARE = "share"
    MASK = "mask"
    CONFIRM = "confirm"
    REVEAL = "reveal"
    REPORT = "report"

    @property
    def message_type(self) -> str:
        """The type of the message in Flower: a category that it knows, and the step."""
        return f"{'evaluate' if self is Step.REPORT else 'train'}.{self.value}"


@dataclass(frozen=True)
class Parcel:
    """One message, in either direction.

    Attributes:
        header: plain values: run, session, round and step; in an answer also the site, or `refused` and `reason`.
        arrays: the state of a request, or the vector of an answer.
        blobs: named bytes, such as key advertisements.
    """

    header: Header
    arrays: Arrays = field(default_factory=dict)
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    def to_record(self) -> RecordDict:
        """Returns the message in Flower's form."""
        record = RecordDict({"header": ConfigRecord(dict(self.header)), "blobs": ConfigRecord(dict(self.blobs))})
        data = pack(self.arrays)
        record["arrays"] = ArrayRecord({PACKED: Array("uint8", (len(data),), PACKED, data)})
        return record

    @classmethod
    def from_record(cls, record: RecordDict) -> Parcel:
        """Reads a message from Flower's form.

        Raises:
            PayloadRefused: a part is missing, or of another type than those that may travel.
        """
        parts = set(record)
        if parts != {"header", "blobs", "arrays"}:
            raise PayloadRefused(f"The message has the parts {sorted(parts)}; expected are arrays, blobs and header.")
        header, blobs, arrays = record["header"], record["blobs"], record["arrays"]
        if not (
            isinstance(header, ConfigRecord) and isinstance(blobs, ConfigRecord) and isinstance(arrays, ArrayRecord)
        ):
            raise PayloadRefused("A part of the message has another type than expected.")
        if not all(isinstance(value, bytes) for value in blobs.values()):
            raise PayloadRefused("A blob of the message is not made of bytes.")
        packed = arrays.get(PACKED)
        if set(arrays) != {PACKED} or packed is None or packed.stype != PACKED:
            raise PayloadRefused("The arrays of the message are not in this app's form.")
        return cls(dict(header), unpack(packed.data), dict(blobs))  # type: ignore[arg-type]

    def value(self, name: str, kind: type[Any]) -> Any:
        """Returns a value of the header; raises `PayloadRefused` when it is missing or of another type."""
        found = self.header.get(name)
        if type(found) is not kind:
            raise PayloadRefused(f"The header's {name!r} must be of type {kind.__name__}, got {type(found).__name__}.")
        return found


def pack(arrays: Arrays) -> bytes:
    """Returns arrays as bytes: the length of a JSON header, the header with names, types and shapes, and the values."""
    stored = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    head = json.dumps([[name, str(array.dtype), np.shape(arrays[name])] for name, array in stored.items()]).encode()
    values = [array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes() for array in stored.values()]
    return b"".join([len(head).to_bytes(4, "little"), head, *values])


def unpack(data: bytes) -> dict[str, NDArray[Any]]:
    """Returns the arrays that `pack` wrote.

    Raises:
        PayloadRefused: the bytes are damaged, or hold a type that may not travel.
    """
    at = 4 + int.from_bytes(data[:4], "little")
    arrays: dict[str, NDArray[Any]] = {}
    try:
        for name, kind, shape in json.loads(data[4:at]):
            if kind not in DTYPES:
                raise PayloadRefused(f"Array {name!r} has type {kind}; allowed are {', '.join(sorted(DTYPES))}.")
            dtype, count = np.dtype(kind).newbyteorder("<"), math.prod(shape)
            values = np.frombuffer(data, dtype, count, at).astype(kind)
            arrays[str(name)], at = values.reshape(shape), at + count * dtype.itemsize
    except (ValueError, TypeError, OverflowError) as error:
        raise PayloadRefused(f"The arrays of the message cannot be read: {error}") from None
    if at != len(data):
        raise PayloadRefused(f"The arrays of the message have {len(data)} bytes; their header says {at}.")
    return arrays


def refusal(error: FederatedError, header: Mapping[str, Any]) -> Parcel:
    """Returns the answer of a site that declines a request. The reason names no customer and no value."""
    return Parcel({**header, "refused": error.code, "reason": str(error)})
