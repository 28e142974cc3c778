"""A filter replaces a part of its page by htmx, under the content policy; the browser keeps no content of the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from starlette.responses import Response

from agent_serving.console.console import open_accounts
from agent_serving.console.paging import paging_of
from agent_serving.console.visit import Visit
from installation.installation import Installation
from tests.agent_serving.console.console_shop import link_of, sign_in
from tests.agent_serving.console.sample_page import sample_page
from tests.agent_serving.web.chromium import browser, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
WORDS = [f"{first}{second}" for first in "abcdefgh" for second in "0123456789abcdef"]
TEMPLATE = """{% extends "layout.html.j2" %}{% from "part.html.j2" import table, pages with context %}
{% block title %}Sample{% endblock %}
{% block content %}<h1>Sample</h1>
<form method="get" hx-get="" hx-target="#found" hx-select="#found" hx-swap="outerHTML" hx-push-url="true"
 hx-trigger="change, submit"><label for="first">First</label><input id="first" name="first"><button>Show</button></form>
<div id="found">{{ table("t", "Words", ["Word"], rows) }}{{ pages(paging) }}</div>{% endblock %}"""


def show(visit: Visit) -> Response:
    found = [word for word in WORDS if word.startswith(visit.query("first"))]
    paging = paging_of(visit, len(found), 10)
    return visit.render("sample", rows=[[word] for word in found[paging.first : paging.last]], paging=paging)


@pytest.fixture(scope="module")
def sample(installation: Installation) -> Iterator[str]:
    """The address of a console with a filtered list."""
    with sample_page(installation, "/sample", show, "home", TEMPLATE) as url:
        yield url


def test_a_filter_replaces_the_list_and_leaves_no_content_in_the_browser(
    installation: Installation, sample: str, browser: Browser
) -> None:
    with page_of(browser) as page:
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        sign_in(installation, sample, page, "analyst")
        page.goto(f"{sample}/console/sample")
        page.evaluate("document.querySelector('h1').textContent = 'Kept'")
        page.get_by_label("First").fill("b")
        page.get_by_label("First").press("Tab")
        page.get_by_role("rowheader", name="b0").wait_for()
        assert page.url == f"{sample}/console/sample?first=b"
        assert page.get_by_role("heading").inner_text() == "Kept"
        page.get_by_role("link", name="Next page").click()
        assert page.locator("tbody th").all_inner_texts()[0] == "ba"
        assert page.url == f"{sample}/console/sample?first=b&page=2"
        # htmx notes the address, and no content of the page.
        kept = page.evaluate("[...Object.values(localStorage), ...Object.values(sessionStorage)]")
        assert all(text.startswith("/console/sample") for text in kept)
        assert told == []


def test_the_filter_works_without_javascript(installation: Installation, sample: str, browser: Browser) -> None:
    with page_of(browser, java_script_enabled=False) as page:
        sign_in(installation, sample, page, "analyst")
        page.goto(f"{sample}/console/sample?page=99999")
        assert page.locator("tbody th").all_inner_texts()[-1] == "hf"
        page.get_by_label("First").fill("c")
        page.get_by_role("button", name="Show").click()
        assert page.locator("tbody th").all_inner_texts()[0] == "c0"


def test_a_part_that_is_asked_after_the_end_of_the_session_leads_to_the_sign_in(
    installation: Installation, sample: str, browser: Browser
) -> None:
    with closing(open_accounts(installation)) as accounts, page_of(browser) as page:
        accounts.add("guest", "analyst")
        page.goto(f"{sample}/console{link_of(installation, 'guest')}")
        page.locator("main button").click()
        page.locator("#purpose-analytics").check()
        page.locator("main button").click()
        page.goto(f"{sample}/console/sample")
        accounts.revoke("guest")
        page.get_by_label("First").fill("b")
        page.get_by_label("First").press("Tab")
        page.get_by_role("heading", name="Sign in").wait_for()
