"""Sends mails in a thread of its own: one-time links to addresses on record, and notices about requests.

The answer to a request for a link is the same for every address, and is given before the address is looked up. So
neither its content nor its time tells whether an address is on record.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from agent_serving.errors import ServingError, SiteUnavailable
from agent_serving.web.pass_store import LIFETIMES, PassKind, PassStore
from installation.errors import InstallationError
from installation.event_log import log_error
from installation.installation import Installation
from installation.mailer import Mailer
from privacy.errors import PrivacyError
from privacy.protection.normal_form import normalise_email
from privacy.rights.wording import Language
from privacy.storage.database import DATABASE_ERRORS

MOST_WAITING = 200
"""Requests for a link that wait to be looked up."""
LINKS_AN_HOUR = 4
"""Mails to one address: anybody can ask for them."""
_ADDRESS = re.compile(r"[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,189}")
_TEXTS: dict[Language, tuple[str, str]] = {
    "en": (
        "Your sign-in link",
        "Open this link to see and control your data at {controller}:\n\n{link}\n\n"
        "It works once, for {minutes} minutes. If you did not ask for it, delete this mail; nobody saw your data.\n",
    ),
    "ko": (
        "로그인 링크 안내",
        "{controller}의 개인정보 페이지에 로그인하려면 아래 링크를 여십시오.\n\n{link}\n\n"
        "링크는 {minutes}분 동안 한 번만 사용할 수 있습니다. 요청하지 않으셨다면 이 메일을 삭제하십시오. "
        "아무도 고객님의 정보를 보지 않았습니다.\n",
    ),
}


def address_of(text: str) -> str | None:
    """Return an address in its normal form; None if the text is no address.

    Mail is sent to the normal form, by which the address is looked up. Otherwise another person's address whose letters
    look alike would receive the link.

    >>> address_of(" Kim@Example.COM "), address_of("kim@example.com, lee@example.com"), address_of("kim")
    ('kim@example.com', None, None)
    """
    found = normalise_email(text) if len(text) <= 254 else None
    return found if found is not None and _ADDRESS.fullmatch(found) else None


def customer_of_address(installation: Installation, address: str) -> str | None:
    """Return the customer of an address; None if the address is unknown or belongs to several customers."""
    token = installation.tokenizer.token("email", address)
    if token is None or not installation.lakehouse.exists("silver/identifier"):
        return None
    where = f"token_kind = 'email' AND token = '{token}'"
    found = installation.lakehouse.select("silver/identifier", "DISTINCT customer_id", where)["customer_id"]
    return str(found[0].as_py()) if len(found) == 1 else None


class Post:
    """Looks up addresses and sends mails, one after the other in a thread of its own."""

    def __init__(
        self, installation: Installation, passes: Callable[[], PassStore], note: Callable[[str], None]
    ) -> None:
        """Take the installation, the calling thread's store of passes, and what counts outcomes: sent, unknown …"""
        self._installation, self._passes, self._note = installation, passes, note
        self._waiting: queue.Queue[Callable[[], str] | None] = queue.Queue(MOST_WAITING)
        self._limit = MovingWindowRateLimiter(MemoryStorage())
        self._thread = threading.Thread(target=self._work, name="sign-in mail", daemon=True)
        self._thread.start()

    @property
    def is_set_up(self) -> bool:
        """Whether the settings name a mail server."""
        return self._installation.settings.portal.mail_host is not None

    def ask(self, text: str, language: Language) -> None:
        """Take a request for a link. A text that is no address is taken as well, and leads to no mail.

        Raises:
            SiteUnavailable: too many requests wait.
        """
        address = address_of(text)
        if address is None:
            return
        try:
            self._waiting.put_nowait(partial(self._send_link, address, language))
        except queue.Full as error:
            raise SiteUnavailable("Too many requests for a sign-in link wait.") from error

    def tell(self, address: str, subject: str, text: str) -> None:
        """Send a notice. It is dropped without a mail server and when too many mails wait: the pages say the same."""
        if not self.is_set_up:
            return
        try:
            self._waiting.put_nowait(partial(self._tell, address, subject, text))
        except queue.Full:
            self._note("dropped")

    def close(self) -> None:
        """Finish the mail at work and drop the others."""
        while True:
            try:
                self._waiting.get_nowait()
            except queue.Empty:
                break
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            try:
                outcome = work()
            except (OSError, *DATABASE_ERRORS, PrivacyError, InstallationError, ServingError) as error:
                log_error(error, source="bojagi.serve")
                outcome = "failed"
            self._note(outcome)

    def _mailer(self) -> Mailer:
        return Mailer(self._installation.settings.portal.mail_server())

    def _tell(self, address: str, subject: str, text: str) -> str:
        self._mailer().send(address, subject, text)
        return "told"

    def _send_link(self, address: str, language: Language) -> str:
        item: Any = RateLimitItemPerHour(LINKS_AN_HOUR)
        if not self._limit.hit(item, address):
            return "too_many"
        customer = customer_of_address(self._installation, address)
        if customer is None:
            return "unknown"
        content = {"customer_id": customer, "address": address}
        secret = self._passes().issue(PassKind.LINK, content, customer)
        subject, text = _TEXTS[language]
        settings = self._installation.settings
        link = f"{settings.portal.public_url}/portal/sign-in/link?token={secret}"
        minutes = int(LIFETIMES[PassKind.LINK].total_seconds() // 60)
        self._mailer().send(
            address, f"{settings.controller}: {subject}",
            text.format(controller=settings.controller, link=link, minutes=minutes),
        )  # fmt: skip
        return "sent"
