"""Settings of programs that get changes of profiles, `[destinations]`; `installation/settings.py` explains them."""

from __future__ import annotations

from enum import StrEnum
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


class FileFormat(StrEnum):
    """Form of the lists of an export, and the end of their names."""

    CSV = "csv"
    PARQUET = "parquet"


class Identifier(StrEnum):
    """By what a list names a member: the customer id, or hashed contacts as an advertising platform takes them."""

    CUSTOMER_ID = "customer_id"
    GOOGLE = "google_customer_match"
    META = "meta_custom_audience"


class FileSettings(BaseModel):
    """A folder that gets the list of members, and after each change a list of those who left."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    format: FileFormat = FileFormat.CSV
    identifiers: Identifier = Identifier.CUSTOMER_ID


class DestinationSettings(BaseModel):
    """A program that gets the changes of a table about customers, of those who permit the purpose.

    The role decides which columns may be read. Either `webhook` or `kafka` says where the events go, or `file` where
    the lists of an audience are written. With `audience`, the destination has the profiles of its members only; without
    a table, it learns who is a member.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str | None = Field(default=None, pattern=r"^gold/[a-z][a-z0-9_]*$")
    columns: tuple[str, ...] = ()
    purpose: str
    role: str
    audience: str | None = None
    webhook: WebhookSettings | None = None
    kafka: TopicSettings | None = None
    file: FileSettings | None = None

    @model_validator(mode="after")
    def _have_a_content_and_one_channel(self) -> Self:
        if (self.table is None) == bool(self.columns) or (self.table is None and self.audience is None):
            raise ValueError("expected a table with columns, an audience, or both")
        if sum(one is not None for one in (self.webhook, self.kafka, self.file)) != 1:
            raise ValueError("expected one of webhook, kafka and file")
        if self.file is not None and (self.table is not None or self.audience is None):
            raise ValueError("expected an audience and no table, because file gets the members of an audience")
        return self
