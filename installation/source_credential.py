"""Setting `source_credentials`: how the servers of sources are entered."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from installation.private_text import read_private_text


class SourceCredential(BaseModel):
    """How a source's database, object store or brokers are entered.

    `options` are further parameters of the connection: those of libpq, PyMySQL or librdkafka, or the storage options of
    a bucket.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str = ""
    password: SecretStr | None = None
    password_file: Path | None = None
    options: dict[str, str] = Field(default_factory=dict)

    def read_password(self) -> str | None:
        """Return the password, from the private file if one is named; None when there is none.

        Raises:
            SettingsError: the file cannot be read, or other users may read it.
        """
        if self.password_file is None:
            return None if self.password is None else self.password.get_secret_value()
        return read_private_text(self.password_file, "password_file")

    def kafka_options(self) -> dict[str, str]:
        """Return the options of librdkafka by which brokers are entered.

        Raises:
            SettingsError: see `read_password`.
        """
        login = {"sasl.username": self.user, "sasl.password": self.read_password() or ""} if self.user else {}
        return login | self.options
