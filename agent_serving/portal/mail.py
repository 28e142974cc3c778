"""Sends the portal's mails over SMTP."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from installation.portal_settings import PortalSettings

_SECONDS = 10
"""How long the mail server may take for each step."""


@dataclass(frozen=True)
class Mailer:
    """Sends mails through the server of the settings."""

    settings: PortalSettings

    def send(self, address: str, subject: str, text: str) -> None:
        """Send a mail with plain text.

        Raises:
            OSError: the mail server cannot be reached, or refuses the mail (`smtplib.SMTPException`).
            SettingsError: the password cannot be read.
        """
        host, port = str(self.settings.mail_host), self.settings.mail_port
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = str(self.settings.mail_sender), address, subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=str(self.settings.mail_sender).rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        context = ssl.create_default_context()
        secured = self.settings.mail_tls == "tls"
        opened = smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=context) if secured else None
        with opened or smtplib.SMTP(host, port, timeout=_SECONDS) as server:
            if self.settings.mail_tls == "starttls":
                server.starttls(context=context)
            if self.settings.mail_user is not None:
                server.login(self.settings.mail_user, self.settings.read_password())
            server.send_message(message)
