"""In Chromium: every page of every role is free of faults of axe-core, fits the screen, and loads nothing foreign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent_serving.console.page_table import PAGES, ROLES
from agent_serving.console.privacy_tab import TABS
from features.insight.audience.service import Audiences
from features.retrieval.answer import Caller
from installation.data_secret import open_audiences
from installation.installation import Installation
from privacy.access.pseudonym import pseudonyms
from tests.agent_serving.console.console_shop import PURPOSES, link_of, sign_in
from tests.agent_serving.web.chromium import browser, faults, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
SCREENS = {360: ("en-US", "light"), 1280: ("ko-KR", "dark")}
RULE = "name: regulars\npurpose: marketing\nrule: {feature: customer_purchase_window:order_count_365d, at_least: 1}\n"
BELOW = {
    "segment": ("/segment/s1",), "audience": ("/audience/new", "/audience/regulars"),
    "quality": ("/quality?tables=all", "/quality/quarantine", "/quality/bronze/cj_promotions"),
    "model": ("/model/churn",), "privacy": tuple(TABS),
}  # fmt: skip
"""Pages that the navigation does not name, by the page above them."""


def pages_of(installation: Installation, role: str, customer: str) -> list[str]:
    """Return the addresses of all pages that a role may open."""
    if role in ("analyst", "marketer"):
        customer = pseudonyms(installation.pseudonym_key, role, PURPOSES[role], [customer])[customer]
    own = {key: page.path.replace("{customer}", customer) for key, page in PAGES.items() if role in page.roles}
    below = [path for key in own for path in BELOW.get(key, ())]
    return ["/purpose", f"/customer/{customer}", *own.values(), *below]


@pytest.mark.parametrize("width", SCREENS)
def test_every_page_of_every_role(
    market_installation: Installation, market_url: str, browser: Browser, width: int
) -> None:
    documents = open_audiences(market_installation.settings, market_installation.server)
    for name in documents.names():
        documents.delete(name)
    Audiences(market_installation).create(RULE, Caller("tool", "campaign_tool"))
    segmented = market_installation.lakehouse.rows("gold/customer_segment", ["customer_id"])["customer_id"].to_pylist()
    locale, scheme = SCREENS[width]
    options: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "locale": locale, "color_scheme": scheme}
    found: list[str] = []
    told: list[str] = []
    for role in ROLES:
        with page_of(browser, **options) as page:
            page.on("console", lambda message: told.append(message.text))
            page.on("request", lambda request: told.extend([request.url] * (not request.url.startswith(market_url))))
            sign_in(market_installation, market_url, page, role)
            for path in pages_of(market_installation, role, min(segmented)):
                answer = page.goto(f"{market_url}/console{path}")
                assert answer is not None
                assert answer.status == 200, (role, path)
                found += faults(page, with_width=width)
                if width == max(SCREENS):
                    page.set_viewport_size({"width": 1920, "height": 1000})
                    assert page.evaluate("document.documentElement.scrollWidth") <= 1920
                    page.set_viewport_size({"width": width, "height": 800})
    assert (found, told) == ([], [])


def test_axe_core_finds_a_fault_that_is_there(market_url: str, browser: Browser) -> None:
    with page_of(browser, viewport={"width": 360, "height": 800}) as page:
        page.goto(f"{market_url}/console/sign-in")
        page.evaluate("document.querySelector('main').innerHTML = '<img src=\"/console\"><select></select>'")
        page.evaluate("document.querySelector('main').style.minWidth = '500px'")
        found = faults(page, with_width=360)
    assert {one.rpartition(": ")[2] for one in found} >= {"image-alt", "select-name"}
    assert any(one.endswith("wide") for one in found)


def test_the_pages_before_the_sign_in(installation: Installation, url: str, browser: Browser) -> None:
    with page_of(browser, viewport={"width": 360, "height": 800}, locale="ko-KR") as page:
        found: list[str] = []
        for path in ("/sign-in", "/sign-in/link?token=x", "/sign-in/callback", link_of(installation, "analyst")):
            page.goto(f"{url}/console{path}")
            found += faults(page, with_width=360)
        page.locator("main button").click()
        found += faults(page, with_width=360)
        page.goto(f"{url}/console/nowhere")
        assert not [*found, *faults(page, with_width=360)]
