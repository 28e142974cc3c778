"""Sign-in of staff: a link works once, a session begins anew, the purpose is stated before any page."""

from __future__ import annotations

from contextlib import closing

import pytest

from agent_serving.console.console import open_accounts
from agent_serving.console.page_table import PAGES, ROLES
from installation.installation import Installation
from tests.agent_serving.console.console_shop import StaffBrowser, follow_link, link_of, staff


@pytest.mark.parametrize("role", ROLES)
def test_each_role_signs_in_by_a_link_states_a_purpose_and_sees_its_pages(
    installation: Installation, url: str, role: str
) -> None:
    browser = staff(installation, url, role)
    text = browser.get().text
    # Parts of a customer's page are reached from it.
    pages = {key: page for key, page in PAGES.items() if "{" not in page.path}
    built = {key for key, page in pages.items() if browser.http.get(f"/console{page.path}").status_code != 404}
    assert "home" in built
    assert f'<span class="state">{ROLES[role].en}</span>' in text
    for key, page in pages.items():
        assert (f'href="/console{page.path}"' in text) == (role in page.roles and key in built), key


def test_a_link_signs_in_once(installation: Installation, url: str) -> None:
    link = link_of(installation, "marketer")
    for expected in (200, 410):
        browser = StaffBrowser(url)
        assert follow_link(browser, link).status_code == expected


def test_without_a_stated_purpose_every_page_leads_to_the_purpose(installation: Installation, url: str) -> None:
    browser = StaffBrowser(url)
    follow_link(browser, link_of(installation, "analyst"))
    answer = browser.http.get("/console")
    assert answer.headers["location"] == "/console/purpose?next=%2Fconsole"
    browser.get()
    assert browser.post("/purpose", purpose="marketing").status_code == 422
    assert browser.post("/purpose", purpose="research", next="//evil.example").url.path == "/console"


def test_a_revoked_account_is_signed_out(installation: Installation, url: str) -> None:
    with closing(open_accounts(installation)) as accounts:
        accounts.add("leaver", "analyst")
        browser = StaffBrowser(url)
        follow_link(browser, link_of(installation, "leaver"))
        browser.post("/purpose", purpose="analytics")
        assert browser.http.get("/console").status_code == 200
        accounts.revoke("leaver")
    assert browser.http.get("/console").status_code == 303
