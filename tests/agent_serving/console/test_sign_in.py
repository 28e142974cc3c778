"""Sign-in of staff: a link works once, a session begins anew, the purpose is stated before any page."""

from __future__ import annotations

from contextlib import closing

import httpx
import pytest

from agent_serving.console.console import open_accounts
from agent_serving.console.page_table import PAGES, ROLES
from installation.installation import Installation
from tests.agent_serving.console.console_shop import StaffBrowser, link_of, staff


@pytest.mark.parametrize("role", ROLES)
def test_each_role_signs_in_by_a_link_states_a_purpose_and_sees_its_pages(
    installation: Installation, url: str, role: str
) -> None:
    browser = staff(installation, url, role)
    text = browser.get().text
    built = {key for key, page in PAGES.items() if browser.http.get(f"/console{page.path}").status_code != 404}
    assert "home" in built
    assert f'<span class="state">{role}</span>' in text
    for key, page in PAGES.items():
        assert (f'href="/console{page.path}"' in text) == ((role in page.roles and key in BUILT) or key == "home"), key


BUILT = {"home"}


def test_a_link_signs_in_once(installation: Installation, url: str) -> None:
    link = link_of(installation, "marketer")
    for expected in (200, 410):
        browser = StaffBrowser(url)
        browser.get(link)
        assert browser.post("/sign-in/link", token=link.partition("token=")[2]).status_code == expected


def test_without_a_stated_purpose_every_page_leads_to_the_purpose(installation: Installation, url: str) -> None:
    browser = StaffBrowser(url)
    link = link_of(installation, "analyst")
    browser.get(link)
    browser.post("/sign-in/link", token=link.partition("token=")[2])
    answer = browser.http.get("/console")
    assert answer.headers["location"] == "/console/purpose?next=%2Fconsole"
    browser.get()
    assert browser.post("/purpose", purpose="marketing").status_code == 422
    assert browser.post("/purpose", purpose="research", next="//evil.example").url.path == "/console"


def test_a_revoked_account_is_signed_out(installation: Installation, url: str) -> None:
    with closing(open_accounts(installation)) as accounts:
        accounts.add("leaver", "analyst")
        link = link_of(installation, "leaver")
        browser = StaffBrowser(url)
        browser.get(link)
        browser.post("/sign-in/link", token=link.partition("token=")[2])
        browser.post("/purpose", purpose="analytics")
        assert browser.http.get("/console").status_code == 200
        accounts.revoke("leaver")
    assert browser.http.get("/console").status_code == 303


def test_files_are_sent_with_a_policy_that_forbids_inline_scripts(url: str) -> None:
    answer = httpx.get(f"{url}/console/sign-in")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    for name in ("console.css", "console.js", "htmx.min.js", "echarts.min.js"):
        assert httpx.get(f"{url}/console/static/{name}").status_code == 200
    assert httpx.get(f"{url}/console/static/console.py").status_code == 404
