"""Webhooks of a payment provider: signed as Standard Webhooks says, not older than `TOLERANCE`, each applied once.

Libraries of the standard check the signature and the time, and accept the same message again. So the ids of accepted
messages are stored, together with what the message changes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from agent_serving.commerce.errors import CommerceError
from agent_serving.commerce.payment.http_provider import read_receipt
from installation.webhook_signature import signed_headers

if TYPE_CHECKING:
    from agent_serving.commerce.payment.provider import Receipt
    from privacy.storage.database import Database

TOLERANCE = timedelta(minutes=5)
"""The largest distance between the time of a message and ours, as the standard's libraries have it."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS webhook_message (id TEXT PRIMARY KEY, digest TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;
"""


class WebhookRefused(CommerceError):
    """A webhook is unsigned, stale, replayed with another content, or no receipt. `code` says which."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Message:
    """A webhook whose signature and time are right."""

    id: str
    digest: str
    receipt: Receipt


def check_message(headers: Mapping[str, str], body: bytes, secret: bytes, now: datetime) -> Message:
    """Return a webhook's content after its signature and its time were checked.

    Args:
        headers: the headers of the request; their names may be in any case.
        body: the bytes as they arrived.
        secret: what the provider signs with.
        now: the time, which must never go backwards: otherwise an old message would be fresh again.

    Raises:
        WebhookRefused: unsigned, stale or malformed.
    """
    given = {name.lower(): value for name, value in headers.items()}
    identifier, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not identifier or not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise WebhookRefused("unsigned", "The webhook has no id or no time.")
    sent_at = datetime.fromtimestamp(int(stamp), UTC)
    expected = signed_headers(secret, identifier, sent_at, body)["webhook-signature"]
    found = given.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(one.encode(), expected.encode()) for one in found):
        raise WebhookRefused("unsigned", "No signature of the webhook is right.")
    if abs(now - sent_at) > TOLERANCE:
        raise WebhookRefused("stale", f"The webhook is of {sent_at:%Y-%m-%d %H:%M:%S} UTC; send it again, signed anew.")
    try:
        receipt = read_receipt(body)
    except ValueError as error:
        raise WebhookRefused("malformed", "The webhook is signed, but is no receipt.") from error
    return Message(identifier, hashlib.sha256(body).hexdigest(), receipt)


def is_first(db: Database, message: Message, at: str) -> bool:
    """Store a message's id and return whether it was new. Use it in the transaction that applies the message.

    Raises:
        WebhookRefused: the id was used for another content.
    """
    added = db.execute(
        "INSERT INTO webhook_message VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", (message.id, message.digest, at)
    )
    if added.rowcount == 1:
        return True
    (digest,) = db.execute("SELECT digest FROM webhook_message WHERE id = ?", (message.id,)).fetchone()
    if digest != message.digest:
        raise WebhookRefused("replayed", "The id of the webhook was used for another content.")
    return False
