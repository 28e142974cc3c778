"""Sends events to a webhook."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import httpx

from features.destination.channel import Reply
from features.destination.errors import ChannelDown, DestinationError
from features.destination.event import ChangeEvent
from installation.destination_settings import DestinationSettings

SECONDS = 10.0
"""How long a webhook may take to answer."""
PAUSES = (0.5, 2.0, 5.0)
"""Seconds between the attempts to send one event to a webhook."""
LONGEST_PAUSE = 30.0
"""The longest `Retry-After` that is waited for; for a longer one, the next call sends the event."""
MOST_FAILURES = 3
"""A webhook that has failed at so many events in a row is down."""
CONTENT_STATUSES = frozenset({400, 413, 415, 422})
"""Answers about one event: it will never be taken. Other answers of 4xx are about the settings."""
TRANSIENT_STATUSES = frozenset({408, 425, 429})


@dataclass
class Webhook:
    """An HTTP endpoint, which gets one event a request. Redirects are not followed: they would lead it elsewhere."""

    settings: DestinationSettings
    secret: bytes
    clock: Callable[[], datetime.datetime]
    client: httpx.Client
    pause: Callable[[float], None] = time.sleep
    _failures: int = 0

    def send(self, events: Sequence[ChangeEvent]) -> Iterator[Reply]:
        """Post each event; see `Channel`."""
        for event in events:
            reply = self._send(event)
            self._failures = self._failures + 1 if reply is Reply.FAILED else 0
            yield reply
            if self._failures >= MOST_FAILURES:
                raise ChannelDown(f"The webhook failed at {MOST_FAILURES} events in a row; the rest is sent later.")

    def _send(self, event: ChangeEvent) -> Reply:
        for pause in (*PAUSES, None):
            answer = self._post(event)
            status = None if answer is None else answer.status_code
            if status is not None and 200 <= status < 300:
                return Reply.TAKEN
            if status in CONTENT_STATUSES:
                return Reply.REFUSED
            if status is not None and status < 500 and status not in TRANSIENT_STATUSES:
                raise ChannelDown(f"The webhook answered with status {status}; check its address and secret.")
            wait = _retry_after(answer) or pause
            if pause is None or wait is None or wait > LONGEST_PAUSE:
                return Reply.FAILED
            self.pause(wait)
        return Reply.FAILED

    def _post(self, event: ChangeEvent) -> httpx.Response | None:
        """Return the answer to an event; None if there was none."""
        assert self.settings.webhook is not None
        now = self.clock()
        body = event.body(self.settings, now)
        headers = dict(event.headers(self.secret, body, now))
        try:
            return self.client.post(self.settings.webhook.url.get_secret_value(), content=body, headers=headers)
        except httpx.HTTPError:
            return None
        except httpx.InvalidURL as error:
            raise DestinationError("The address of the webhook is not a URL; correct it in the settings.") from error


def _retry_after(answer: httpx.Response | None) -> float | None:
    text = "" if answer is None else answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
