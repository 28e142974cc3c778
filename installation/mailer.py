"""Sends mails over SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from installation.mail_settings import MailServer

_SECONDS = 10
"""How long the mail server may take for each step."""


@dataclass(frozen=True)
class Mailer:
    """Sends mails through one server."""

    server: MailServer

    def send(self, address: str, subject: str, text: str) -> None:
        """Send a mail with plain text.

        Raises:
            OSError: the mail server cannot be reached, or refuses the mail (`smtplib.SMTPException`).
            SettingsError: the password cannot be read.
        """
        named = self.server
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = named.sender, address, subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=named.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        with self.connected() as server:
            server.send_message(message)

    @contextmanager
    def connected(self) -> Iterator[smtplib.SMTP]:
        """Yield the connection, encrypted and signed in as the settings say; raises as `send`."""
        named, context = self.server, ssl.create_default_context()
        is_tls = named.tls == "tls"
        opened = smtplib.SMTP_SSL(named.host, named.port, timeout=_SECONDS, context=context) if is_tls else None
        with opened or smtplib.SMTP(named.host, named.port, timeout=_SECONDS) as server:
            if named.tls == "starttls":
                server.starttls(context=context)
            if named.user is not None:
                server.login(named.user, named.read_password())
            yield server
