"""How mails are sent: the server, and who is named as the sender."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from installation.private_text import read_private_text

MailTls = Literal["starttls", "tls", "none"]
Address = Annotated[str, Field(pattern=r"^[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,189}$")]


class MailServer(BaseModel):
    """A mail server. Without encryption it must lie in this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    tls: MailTls = "starttls"
    user: str | None = None
    password_file: Path | None = None
    sender: Address

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError("tls is none, so a mail could be read on the way; expected starttls or tls")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("only one of user and password_file is set; expected both or none")
        return self

    def read_password(self) -> str:
        """Return the password.

        Raises:
            SettingsError: the file cannot be read, or other users may read it.
        """
        return "" if self.password_file is None else read_private_text(self.password_file, "password_file")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
