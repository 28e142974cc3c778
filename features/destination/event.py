"""The event of a changed profile, as JSON that is signed as Standard Webhooks says."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from installation.destination_settings import DestinationSettings
from installation.webhook_signature import signed_headers


class EventType(StrEnum):
    """What happened to a profile at its destination."""

    CHANGED = "profile.changed"
    REMOVED = "profile.removed"
    """The destination may not use the profile any more, and should delete it."""
    ENTERED = "audience.entered"
    LEFT = "audience.left"
    """The destination may not count the customer among the members any more."""


@dataclass(frozen=True)
class ChangeEvent:
    """One event. It has the same `id` each time it is sent, so that its receiver can leave out a repeat.

    `values` are the columns of the profile; empty for a removal, and for a destination that gets no profiles. `digest`
    is a keyed hash of them, None for a removal.
    """

    id: str
    type: EventType
    customer_id: str
    digest: str | None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def body(self, destination: DestinationSettings, now: datetime.datetime) -> bytes:
        """Return the event as JSON. `now` has a zone."""
        about = {"table": destination.table, "audience": destination.audience, "purpose": destination.purpose}
        data: dict[str, Any] = {"customer_id": self.customer_id}
        data |= {name: value for name, value in about.items() if value is not None}
        if self.type is EventType.CHANGED:
            data["values"] = self.values
        content = {"type": self.type.value, "id": self.id, "timestamp": now.isoformat(), "data": data}
        return json.dumps(content, default=_in_json, ensure_ascii=False).encode()

    def headers(self, secret: bytes, body: bytes, now: datetime.datetime) -> Mapping[str, str]:
        """Return the headers with the signature of the body."""
        return signed_headers(secret, self.id, now, body)


def values_json(values: Mapping[str, Any]) -> str:
    """Return the values of a profile as one text that is equal for equal values."""
    return json.dumps(values, default=_in_json, ensure_ascii=False, sort_keys=True)


def _in_json(value: Any) -> Any:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a profile holds a value of type {type(value).__name__}, which JSON has not")
