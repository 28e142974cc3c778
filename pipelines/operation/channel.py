"""Sends messages about alerts: to a webhook, by mail, or into a file.

A webhook gets JSON, signed as the specification Standard Webhooks says: `webhook-signature` is the HMAC-SHA256 of
`webhook-id`, `webhook-timestamp` and the body, joined by full stops. Redirects are not followed, because they would
lead the message elsewhere.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from installation.alert_settings import AlertMailSettings, AlertSettings, WebhookSettings
from installation.mailer import Mailer
from installation.webhook_signature import signed_headers
from pipelines.errors import PipelineError
from pipelines.operation.alert_book import Kept, Message

SECONDS = 10.0
"""How long an endpoint may take."""
TYPE = "bojagi.alerts"


class DeliveryFailed(PipelineError):
    """A channel did not take a message. The message has no address, because it may contain a token."""


class Channel(Protocol):
    """A way to an operator."""

    def send(self, message: Message, now: datetime) -> None:
        """Send a message.

        Raises:
            DeliveryFailed: it has not arrived.
            OSError, SettingsError: it could not be sent.
        """


def channels_of(settings: AlertSettings) -> dict[str, Channel]:
    """Return the channels of the settings by name."""
    found: dict[str, Channel] = {f"webhook {name}": Webhook(one) for name, one in settings.webhooks.items()}
    if settings.mail is not None:
        found["mail"] = Mail(settings.mail)
    if settings.file is not None:
        found["file"] = File(settings.file.expanduser())
    return found


def document_of(message: Message, now: datetime) -> dict[str, Any]:
    """Return a message as a JSON document."""
    alerts = [_alert(kept, "firing") for kept in message.firing] + [
        _alert(kept, "resolved") for kept in message.resolved
    ]
    return {"type": TYPE, "id": message.id, "timestamp": now.isoformat(), "data": {"alerts": alerts}}


@dataclass(frozen=True)
class Webhook:
    """An HTTP endpoint."""

    settings: WebhookSettings

    def send(self, message: Message, now: datetime) -> None:
        """Post a message, see the module. Any answer of 2xx means that it has arrived."""
        # Imported here: a tick without messages does not need it.
        import httpx

        body = json.dumps(document_of(message, now)).encode()
        headers = signed_headers(self.settings.read_secret(), message.id, now, body)
        try:
            answer = httpx.post(
                self.settings.url.get_secret_value(), content=body, headers=headers, timeout=SECONDS,
                follow_redirects=False,
            )  # fmt: skip
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryFailed(f"The webhook did not answer: {type(error).__name__}.") from error
        if not answer.is_success:
            raise DeliveryFailed(f"The webhook answered with status {answer.status_code}; expected 2xx.")


@dataclass(frozen=True)
class Mail:
    """A mail to all addresses."""

    settings: AlertMailSettings

    def send(self, message: Message, now: datetime) -> None:
        """Send one mail."""
        counts = [(len(message.firing), "firing"), (len(message.resolved), "resolved")]
        subject = "Bojagi: " + ", ".join(f"{count} {event}" for count, event in counts if count)
        lines = [_line(kept, event) for event, some in _by_event(message) for kept in some]
        text = "\n\n".join(lines) + f"\n\nMessage {message.id}\n"
        Mailer(self.settings).send(", ".join(self.settings.to), subject, text)


@dataclass(frozen=True)
class File:
    """A file with one line of JSON a message, for a program that reads along."""

    path: Path

    def send(self, message: Message, now: datetime) -> None:
        """Append a line. It is on the disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(document_of(message, now)) + "\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def _by_event(message: Message) -> tuple[tuple[str, tuple[Kept, ...]], ...]:
    return (("firing", message.firing), ("resolved", message.resolved))


def _alert(kept: Kept, event: str) -> dict[str, Any]:
    return {
        "state": event, "kind": kept.kind.value, "about": kept.about, "summary": kept.summary,
        "since": kept.since.isoformat(), "ended_at": kept.ended_at.isoformat() if kept.ended_at else None,
        "runbook": kept.alert.runbook,
    }  # fmt: skip


def _line(kept: Kept, event: str) -> str:
    ended = f", ended {kept.ended_at:%Y-%m-%d %H:%M %Z}" if kept.ended_at else ""
    return (
        f"{event}: {kept.kind} {kept.about}\n  {kept.summary}\n  Since {kept.since:%Y-%m-%d %H:%M %Z}{ended}\n"
        f"  What to do: {kept.alert.runbook}"
    )
