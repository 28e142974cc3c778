"""Settings of alerts, below `[alerts]`; the top of `installation/settings.py` explains them."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from installation.errors import SettingsError
from installation.mail_settings import Address, MailServer, is_loopback
from installation.private_text import read_private_text

SECRET_PREFIX = "whsec_"
LEAST_SECRET_BYTES = 24
"""The least that Standard Webhooks asks for."""


class WebhookSettings(BaseModel):
    """An endpoint that takes alerts. `url` may hold a token, so it is not printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr
    secret_file: Path

    @field_validator("url")
    @classmethod
    def _is_encrypted(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            return url
        raise ValueError("expected https://, or http:// to this machine")

    def read_secret(self) -> bytes:
        """Return the secret of the signature, see `read_webhook_secret`."""
        return read_webhook_secret(self.secret_file)


def read_webhook_secret(path: Path) -> bytes:
    """Return the secret of a signature of Standard Webhooks.

    Raises:
        SettingsError: the file cannot be read, is open to other users, or has no secret of 24 bytes or more.
    """
    text = read_private_text(path, "secret_file")
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) < LEAST_SECRET_BYTES:
        raise SettingsError(
            f"secret_file {path}: expected {SECRET_PREFIX} and {LEAST_SECRET_BYTES} bytes or more in "
            f'Base64. Make one: echo "{SECRET_PREFIX}$(openssl rand -base64 32)" > FILE; chmod 600 FILE'
        )
    return secret


class AlertMailSettings(MailServer):
    """The mail server of alerts, and the addresses that they are sent to."""

    to: tuple[Address, ...] = Field(min_length=1)


class AlertSettings(BaseModel):
    """Where alerts are sent, and from when on a state is one. Without a file, webhook or mail none is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path | None = None
    webhooks: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")], WebhookSettings] = Field(
        default_factory=dict
    )
    mail: AlertMailSettings | None = None
    repeat_hours: float = Field(default=24, gt=0)
    disk_free_percent: float = Field(default=10, ge=0, le=100)
    unread_days: int = Field(default=7, ge=0)
