"""One event of a request, as the policy sees it and as the log stores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SignalHeaders:
    """Headers of a request that say something about consent. `sec_gpc` is the Global Privacy Control's."""

    sec_gpc: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ReceivedEvent:
    """One event. It is personal: never log it.

    Attributes:
        type: `track`, `identify`, `page`, `screen`, `group`, `alias`, or an unknown text, which the contract refuses.
        message_id: as sent, or made by the collector.
        anonymous_id: as sent; None for many events of servers.
        user_id: as sent; None for anonymous events.
        previous_id: the former identifier of an alias call.
        event_at: UTC, corrected for the client's clock.
        received_at: UTC.
        message: the whole message; `context` and `integrations` of its batch are its defaults.
        headers: of the request.
        fields: what the log stores: a value or null for each column of the contract, by the column's header.
        line: `fields` as one line of JSON without line end.
    """

    type: str
    message_id: str
    anonymous_id: str | None
    user_id: str | None
    previous_id: str | None
    event_at: datetime
    received_at: datetime
    message: Mapping[str, Any]
    headers: SignalHeaders
    fields: Mapping[str, Any]
    line: bytes
