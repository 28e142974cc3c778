"""Turns a message of an SDK into an event with the fields that the source's contract declares, and no others.

A column's header is the path of its field in the message, such as `properties.product_id`; its synonyms are tried next.
These fields are computed, so that each contract may use them:

- `messageId`: as sent, or new.
- `timestamp`: received at − (`sentAt` − `originalTimestamp`), the time of the event by the collector's clock. Without
  `sentAt`, the time that the client states; without both, the time of receipt.
- `receivedAt`: time of receipt.
- `event`: name of a track event; for other calls their type.
- `visitorId`: `anonymousId`, else `user:` and the `userId`.
- `channel`: as stated, else by the SDK's name: `web`, `app` or `server`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from agent_serving.collector.received_event import ReceivedEvent, SignalHeaders
from installation.contract.document import Contract

_APP_SDK = ("ios", "android", "swift", "kotlin", "flutter", "react-native", "mobile")
_WEB_SDK = ("analytics.js", "analytics-next", "next", "javascript")
_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
"""The moments that every time zone can show; the calendar of Python ends with the year 9999."""
_Path = tuple[str, ...]


class Projection:
    """Makes the events of one source."""

    def __init__(self, contract: Contract) -> None:
        self._paths: list[tuple[str, list[tuple[str, _Path]]]] = [
            (column.header, [(name, tuple(name.split("."))) for name in column.headers]) for column in contract.columns
        ]

    def event(self, message: Mapping[str, Any], received_at: datetime, headers: SignalHeaders) -> ReceivedEvent:
        """Return the event of a message. Values of a wrong type stay as they are: the load refuses them.

        `received_at` is in UTC.
        """
        kind, anonymous, user = (_text(message.get(name)) for name in ("type", "anonymousId", "userId"))
        message_id = _text(message.get("messageId")) or f"bojagi-{secrets.token_hex(16)}"
        at, stated = _event_time(message, received_at)
        computed = {
            "messageId": message_id,
            "type": kind,
            "event": message.get("event") if kind == "track" else kind,
            "visitorId": anonymous or (f"user:{user}" if user else None),
            "timestamp": stated,
            "receivedAt": _iso(received_at),
            "channel": message.get("channel") or _channel(message),
        }
        fields = {header: _first(paths, computed, message) for header, paths in self._paths}
        line = orjson.dumps(fields)
        previous = _text(message.get("previousId"))
        return ReceivedEvent(
            kind or "", message_id, anonymous, user, previous, at, received_at, message, headers, fields, line
        )


def _first(paths: list[tuple[str, _Path]], computed: Mapping[str, Any], message: Mapping[str, Any]) -> Any:
    """Return the first value that is not null."""
    for name, path in paths:
        value = computed[name] if name in computed else _at(message, path)
        if value is not None:
            return value
    return None


def _at(message: Mapping[str, Any], path: _Path) -> Any:
    found: Any = message
    for part in path:
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _event_time(message: Mapping[str, Any], received_at: datetime) -> tuple[datetime, str]:
    """Return the time of the event, and the same as text; a text that is no time is kept, for the load to refuse."""
    original = message.get("originalTimestamp") or message.get("timestamp")
    if original is None:
        return received_at, _iso(received_at)
    at, sent = _instant(original), _instant(message.get("sentAt"))
    if at is None:
        return received_at, str(original)
    if sent is None:
        return at, _iso(at)
    span = received_at - sent
    if not _FIRST - at <= span <= _LAST - at:
        return received_at, str(original)
    # A difference of milliseconds is the way to the collector and no wrong clock, but nobody can tell them apart.
    return at + span, _iso(at + span)


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if _FIRST <= found <= _LAST else None


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _text(value: Any) -> str | None:
    """Return an identifier as text; a number is one, too. Null for an empty text and for other types."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def _channel(message: Mapping[str, Any]) -> str:
    name = _at(message, ("context", "library", "name"))
    sdk = name.lower() if isinstance(name, str) else ""
    if any(word in sdk for word in _APP_SDK):
        return "app"
    if any(word in sdk for word in _WEB_SDK) and "node" not in sdk:
        return "web"
    return "web" if message.get("type") == "page" else "server"
