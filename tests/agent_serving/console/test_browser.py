"""In Chromium: every page of every role is free of faults of axe-core, fits the screen, and loads nothing foreign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent_serving.console.page_table import ROLES
from installation.installation import Installation
from tests.agent_serving.console.console_shop import link_of, sign_in
from tests.agent_serving.web.chromium import browser, faults, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
SCREENS = {360: ("ko-KR", "dark"), 1280: ("en-US", "light")}


@pytest.mark.parametrize("width", SCREENS)
@pytest.mark.parametrize("role", ROLES)
def test_the_pages_of_the_navigation(
    market_installation: Installation, market_url: str, browser: Browser, role: str, width: int
) -> None:
    locale, scheme = SCREENS[width]
    options: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "locale": locale, "color_scheme": scheme}
    with page_of(browser, **options) as page:
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        page.on("request", lambda request: told.extend([request.url] * (not request.url.startswith(market_url))))
        sign_in(market_installation, market_url, page, role)
        found = faults(page, with_width=width)
        for place in page.locator("nav[aria-label] li a").evaluate_all("links => links.map(link => link.href)"):
            page.goto(place)
            found += faults(page, with_width=width)
            if width == max(SCREENS):
                page.set_viewport_size({"width": 1920, "height": 1000})
                assert page.evaluate("document.documentElement.scrollWidth") <= 1920
                page.set_viewport_size({"width": width, "height": 800})
    assert (found, told) == ([], [])


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
