"""Settings of the web portal: its public address, and the mail server that sends one-time links."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from installation.mail_settings import Address, MailServer, MailTls, is_loopback


def _require_encrypted(url: str) -> str:
    if url.startswith("http:") and not is_loopback(urlsplit(url).hostname or ""):
        raise ValueError("not encrypted, so a link could be read on the way; expected https://")
    return url


PublicUrl = Annotated[str, Field(pattern=r"^https?://[^/?#\s]+$"), AfterValidator(_require_encrypted)]
"""The address of a web site as browsers see it, without a path; encrypted, unless it is in this machine."""


class PortalSettings(BaseModel):
    """Where the portal is reached, and how it sends mail. Without `mail_host` there is no sign-in by mail.

    Links in mails begin with `public_url`, never with what a request says about its host.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    public_url: PublicUrl | None = None
    mail_host: str | None = None
    mail_port: int = Field(default=587, ge=1, le=65535)
    mail_tls: MailTls = "starttls"
    mail_user: str | None = None
    mail_password_file: Path | None = None
    mail_sender: Address | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.mail_host is None:
            return self
        if self.public_url is None or self.mail_sender is None:
            raise ValueError("mail_host is set without public_url and mail_sender; expected all three or none")
        if self.mail_tls == "none" and not is_loopback(self.mail_host):
            raise ValueError("mail_tls is none, so a link could be read on the way; expected starttls or tls")
        if (self.mail_user is None) != (self.mail_password_file is None):
            raise ValueError("only one of mail_user and mail_password_file is set; expected both or none")
        return self

    def mail_server(self) -> MailServer:
        """Return the mail server. `mail_host` must be set."""
        return MailServer(
            host=str(self.mail_host), port=self.mail_port, tls=self.mail_tls, user=self.mail_user,
            password_file=self.mail_password_file, sender=str(self.mail_sender),
        )  # fmt: skip
