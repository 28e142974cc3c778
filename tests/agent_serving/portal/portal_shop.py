"""A shop with a portal: persons with e-mail addresses, a mail server on loopback, and visitors without JavaScript."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pyarrow as pa
from aiosmtpd.controller import Controller

from agent_serving.application import create_app
from agent_serving.portal.portal import Portal
from agent_serving.request_limit import RateLimit
from agent_serving.web.pass_store import FILE, SECRET_FILE, PassKind, PassStore
from installation.installation import Installation
from installation.portal_settings import PortalSettings
from privacy.rights.request import Actor
from privacy.storage.secret_file import load_key
from tests.agent_serving.serving_shop import PERMITS, SILENT, WITHDREW, fill, key_of, served
from tests.database_server import free_port
from tests.features.retrieval.feature_shop import OFFICER, ZONE, FeatureShop

ADDRESSES = {PERMITS: "kim@shop.example", SILENT: "lee@shop.example", WITHDREW: "park@shop.example"}
SHARED = "home@shop.example"
"""Address of two persons: it leads to neither."""
PUBLIC_URL = "http://127.0.0.1:9"
STAFF = Actor(who="officer", role="privacy_officer", identity="authenticated")
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


class MailBox:
    """Receives mails."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, Message]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the name aiosmtpd calls
        self.mails.append((envelope.rcpt_tos[0], message_from_bytes(envelope.content)))
        return "250 OK"

    def link(self) -> str:
        """Return the link of the newest mail, which may still be on its way."""
        for _ in range(600):
            if self.mails:
                payload = self.mails[-1][1].get_payload(decode=True)
                assert isinstance(payload, bytes)
                return str(re.findall(r"http\S+", payload.decode())[0])
            time.sleep(0.02)
        raise AssertionError("no mail came")


class PortalShop(FeatureShop):
    """A filled shop with a portal. `portal` is the one that is served."""

    portal: Portal

    def __init__(self, folder: Path, public_url: str = PUBLIC_URL) -> None:
        super().__init__(folder)
        fill(self)
        self.box = MailBox()
        self.server = Controller(self.box, hostname="127.0.0.1", port=free_port())
        self.server.start()
        portal = PortalSettings(
            public_url=public_url, mail_host="127.0.0.1", mail_port=self.server.port, mail_tls="none",
            mail_sender="privacy@shop.example",
        )  # fmt: skip
        before = self.installation
        settings = before.settings.model_copy(update={"portal": portal})
        self.installation = Installation(settings, lambda: self.moment.replace(tzinfo=ZONE).astimezone(UTC))
        self.installation.__dict__["contracts"] = before.contracts
        before.close()
        self.consents = self.installation.consent_store
        pairs = [*((address, customer) for customer, address in ADDRESSES.items()), (SHARED, PERMITS), (SHARED, SILENT)]
        rows = [
            {
                "token_kind": "email",
                "token": self.installation.tokenizer.token("email", address),
                "customer_id": customer,
            }
            for address, customer in pairs
        ]
        self.installation.lakehouse.append_rows("silver/identifier", pa.Table.from_pylist(rows))

    def close(self) -> None:
        self.server.stop()
        super().close()

    def officer_key(self) -> str:
        """Return an API key of a privacy officer."""
        return key_of(self, OFFICER, "legal_records")

    def passes(self) -> PassStore:
        """Return a new connection to the store of passes."""
        folder = self.installation.settings
        return PassStore(folder.data_dir / FILE, load_key(folder.secret_dir / SECRET_FILE), self.installation.clock)

    @contextmanager
    def later(self, passed: timedelta) -> Iterator[None]:
        """Move the clock forward inside the block."""
        before = self.moment
        self.moment += passed
        try:
            yield
        finally:
            self.moment = before

    @property
    def now(self) -> datetime:
        """The time with its zone."""
        return self.installation.clock()


class Visitor:
    """A browser without JavaScript: it keeps cookies, and sends the token of the page that it shows."""

    opened: ClassVar[list[httpx.Client]] = []

    def __init__(self, url: str, **headers: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, headers={"Accept-Language": "en", **headers})
        self.opened.append(self.http)
        self.page: httpx.Response | None = None

    def get(self, path: str) -> httpx.Response:
        """Open a page."""
        return self._shown(self.http.get(f"/portal{path}"))

    def post(self, path: str, **fields: str | list[str]) -> httpx.Response:
        """Send a form of the page that is shown, and follow where it leads."""
        sent = {"form_token": self.form_token, **fields}
        return self._shown(self.http.post(f"/portal{path}", data=sent, headers={"Sec-Fetch-Site": "same-origin"}))

    @property
    def form_token(self) -> str:
        """The token of the page that is shown."""
        found = _TOKEN.search(self.page.text if self.page else "")
        return found[1] if found else ""

    def _shown(self, answer: httpx.Response) -> httpx.Response:
        self.page = answer
        return self.get(answer.headers["location"].removeprefix("/portal")) if answer.status_code == 303 else answer


@contextmanager
def portal_of(shop: PortalShop) -> Iterator[str]:
    """Serve the shop and yield its address."""
    app = create_app(shop.installation)
    # Tests send more than a person does; one test sets the limit back.
    app.state.services.portal.rate = RateLimit(100_000)
    shop.portal = app.state.services.portal
    with served(shop, app=app) as client:
        yield str(client.base_url).rstrip("/")


def person(shop: PortalShop, url: str, customer: str = PERMITS, **headers: str) -> Visitor:
    """Return a visitor who has signed in by a link."""
    visitor = Visitor(url, **headers)
    with closing(shop.passes()) as passes:
        # Without a mail, since one address gets only a few mails an hour.
        secret = passes.issue(PassKind.LINK, {"customer_id": customer, "address": ADDRESSES[customer]}, customer)
    assert follow_link(visitor, f"?token={secret}").status_code == 200
    return visitor


def follow_link(visitor: Visitor, link: str) -> httpx.Response:
    """Open a link of a mail, and press its button."""
    secret = link.partition("token=")[2]
    assert visitor.get(f"/sign-in/link?token={secret}").status_code == 200
    return visitor.post("/sign-in/link", token=secret)


def officer(shop: PortalShop, url: str, key: str | None = None) -> Visitor:
    """Return a visitor who has signed in as a privacy officer."""
    visitor = Visitor(url)
    visitor.get("/officer/sign-in")
    assert visitor.post("/officer/sign-in", key=key or shop.officer_key()).status_code == 200
    return visitor


def number_of(answer: httpx.Response) -> str:
    """Return the number of the request that a page shows."""
    return re.findall(r"q_[0-9a-f]{32}", answer.text)[0]
