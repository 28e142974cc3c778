"""A shop with a console: accounts of each role, and members of staff without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, ClassVar

import httpx

from agent_serving.application import create_app
from agent_serving.console.console import open_accounts
from agent_serving.console.page_table import ROLES
from agent_serving.console.sign_in_page import link_for
from agent_serving.request_limit import RateLimit
from installation.installation import Installation
from privacy.audit import AuditEntry
from tests.agent_serving.serving_shop import served_app

if TYPE_CHECKING:
    from playwright.sync_api import Page

PURPOSES = {
    "analyst": "analytics", "marketer": "marketing", "support": "service_delivery", "data_steward": "quality_assurance",
    "privacy_officer": "legal_records",
}  # fmt: skip
"""The purpose that a member of staff of each role states."""
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


class StaffBrowser:
    """A browser without JavaScript: it keeps cookies, and sends the token of the page that it shows."""

    opened: ClassVar[list[httpx.Client]] = []

    def __init__(self, url: str, **headers: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, headers={"Accept-Language": "en", **headers})
        self.opened.append(self.http)
        self.page: httpx.Response | None = None

    def get(self, path: str = "") -> httpx.Response:
        """Open a page, and follow where it leads."""
        return self._shown(self.http.get(f"/console{path}"))

    def post(self, path: str, **fields: str | list[str]) -> httpx.Response:
        """Send a form of the page that is shown, and follow where it leads."""
        sent = {"form_token": self.form_token, **fields}
        return self._shown(self.http.post(f"/console{path}", data=sent, headers={"Sec-Fetch-Site": "same-origin"}))

    @property
    def form_token(self) -> str:
        """The token of the page that is shown."""
        found = _TOKEN.search(self.page.text if self.page else "")
        return found[1] if found else ""

    def _shown(self, answer: httpx.Response) -> httpx.Response:
        self.page = answer
        if answer.status_code != 303:
            return answer
        return self.get(answer.headers["location"].removeprefix("/console"))


@contextmanager
def console_of(installation: Installation) -> Iterator[str]:
    """Serve an installation and yield its address."""
    app = create_app(installation)
    # Tests send more than a person does.
    app.state.services.console.rate = app.state.services.console.stranger_rate = RateLimit(100_000)
    with served_app(app) as url:
        yield url


def add_accounts(installation: Installation) -> None:
    """Make an account of each role, named like the role."""
    with closing(open_accounts(installation)) as accounts:
        for role in ROLES:
            accounts.add(role, role)


def link_of(installation: Installation, name: str) -> str:
    """Return a new one-time link of an account, as the path below /console."""
    with closing(open_accounts(installation)) as accounts:
        return link_for(installation, accounts.named(name)).partition("/console")[2]


def staff(installation: Installation, url: str, role: str, purpose: str | None = None, **headers: str) -> StaffBrowser:
    """Return a member of staff of a role who has signed in and stated a purpose."""
    browser = StaffBrowser(url, **headers)
    follow_link(browser, link_of(installation, role))
    assert browser.post("/purpose", purpose=purpose or PURPOSES[role], next="/console").status_code == 200
    return browser


def sign_in(installation: Installation, url: str, page: Page, role: str, purpose: str | None = None) -> None:
    """Sign in with Chromium, and state the purpose."""
    page.goto(f"{url}/console{link_of(installation, role)}")
    page.locator("main button").click()
    page.locator(f"#purpose-{purpose or PURPOSES[role]}").check()
    page.locator("main button").click()


def follow_link(browser: StaffBrowser, link: str) -> httpx.Response:
    """Open a one-time link, and press its button."""
    browser.get(link)
    return browser.post("/sign-in/link", token=link.partition("token=")[2])


def views(installation: Installation) -> list[AuditEntry]:
    """Return the views and changes of persons' pages that the audit log has, in order."""
    return [entry for _, entry in installation.audit_log.entries(lambda one: one.table.startswith("console/"))]
