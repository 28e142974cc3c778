"""Messages between server and sites, and their form in Flower: arrays without pickle, a header and named bytes."""

from __future__ import annotations

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
        record["arrays"] = ArrayRecord({name: Array(np.asarray(value)) for name, value in self.arrays.items()})
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
        return cls(dict(header), {name: _to_numpy(name, array) for name, array in arrays.items()}, dict(blobs))  # type: ignore[arg-type]

    def value(self, name: str, kind: type[Any]) -> Any:
        """Returns a value of the header; raises `PayloadRefused` when it is missing or of another type."""
        found = self.header.get(name)
        if type(found) is not kind:
            raise PayloadRefused(f"The header's {name!r} must be of type {kind.__name__}, got {type(found).__name__}.")
        return found


def _to_numpy(name: str, array: Array) -> NDArray[Any]:
    try:
        values = array.numpy()
    except (ValueError, TypeError, EOFError, OSError) as error:
        raise PayloadRefused(f"Array {name!r} cannot be read: {error}") from None
    if str(values.dtype) not in DTYPES:
        raise PayloadRefused(f"Array {name!r} has type {values.dtype}; allowed are {', '.join(sorted(DTYPES))}.")
    return values


def refusal(error: FederatedError, header: Mapping[str, Any]) -> Parcel:
    """Returns the answer of a site that declines a request. The reason names no customer and no value."""
    return Parcel({**header, "refused": error.code, "reason": str(error)})
