"""Signs the body of a webhook as Standard Webhooks says."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime


def signed_headers(secret: bytes, identifier: str, now: datetime, body: bytes) -> Mapping[str, str]:
    """Return the headers of a webhook with its signature."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join((identifier.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    return {
        "content-type": "application/json",
        "webhook-id": identifier,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
