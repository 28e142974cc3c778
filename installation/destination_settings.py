"""Settings of programs that get changes of profiles, `[destinations]`; `installation/settings.py` explains them."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from installation.alert_settings import WebhookSettings, read_webhook_secret


class TopicSettings(BaseModel):
    """A topic of Kafka. `credentials` names an entry of `source_credentials`; None: the brokers ask for none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    brokers: str = Field(min_length=1)
    topic: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")
    credentials: str | None = None
    secret_file: Path

    def read_secret(self) -> bytes:
        """Return the secret of the signature; raises `SettingsError`."""
        return read_webhook_secret(self.secret_file)


class DestinationSettings(BaseModel):
    """A program that gets the changes of a table about customers, of those who permit the purpose.

    The role decides which columns may be read. Either `webhook` or `kafka` says where the events go. With `audience`,
    the destination has the profiles of its members only; without a table, it learns who is a member.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str | None = Field(default=None, pattern=r"^gold/[a-z][a-z0-9_]*$")
    columns: tuple[str, ...] = ()
    purpose: str
    role: str
    audience: str | None = None
    webhook: WebhookSettings | None = None
    kafka: TopicSettings | None = None

    @model_validator(mode="after")
    def _have_a_content_and_one_channel(self) -> Self:
        if (self.table is None) == bool(self.columns) or (self.table is None and self.audience is None):
            raise ValueError("expected a table with columns, an audience, or both")
        if (self.webhook is None) == (self.kafka is None):
            raise ValueError("expected one of webhook and kafka")
        return self
