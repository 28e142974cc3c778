"""In Chromium: the builder offers what fits a feature and shows the size within the page; axe-core finds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from features.insight.audience.service import Audiences
from features.retrieval.answer import Caller
from installation.data_secret import open_audiences
from installation.installation import Installation
from tests.agent_serving.console.console_shop import sign_in
from tests.agent_serving.web.chromium import browser, faults, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
RULE = "name: regulars\npurpose: marketing\nrule: {feature: customer_purchase_window:order_count_365d, at_least: 1}\n"


@pytest.mark.parametrize(("width", "locale", "scheme"), [(360, "ko-KR", "dark"), (1280, "en-US", "light")])
def test_the_builder_and_the_pages_of_an_audience(
    market_installation: Installation, market_url: str, browser: Browser, width: int, locale: str, scheme: Any
) -> None:
    documents = open_audiences(market_installation.settings, market_installation.server)
    for name in documents.names():
        documents.delete(name)
    Audiences(market_installation).create(RULE, Caller("tool", "campaign_tool"))
    with page_of(browser, viewport={"width": width, "height": 800}, locale=locale, color_scheme=scheme) as page:
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        sign_in(market_installation, market_url, page, "marketer")
        found: list[str] = []
        for path in ("/segment/s1", "/audience/regulars", "/audience/new?from=regulars"):
            page.goto(f"{market_url}/console{path}")
            found += faults(page, with_width=width)
        page.locator("#subject-1").select_option("customer_segment:segment_id")
        page.locator("#operator-1 option[value=at_least]").wait_for(state="detached")
        page.locator("button[value=add]").click()
        page.locator("#subject-2").select_option("customer_purchase_behaviour:preferred_channel")
        page.locator("select#value-2").wait_for()
        page.locator("button[value='remove-0']").click()
        page.locator("#subject-2").wait_for(state="detached")
        page.locator("#subject-1").select_option("customer_purchase_window:order_count_365d")
        page.locator("#operator-1 option[value=at_least]").wait_for(state="attached")
        page.locator("#operator-1").select_option("at_least")
        page.locator("#value-1").fill("1")
        page.evaluate("window.stays = true")
        page.locator("button[value=size]").click()
        page.locator("#size strong").wait_for()
        assert page.evaluate("window.stays")
        found += faults(page, with_width=width)
    assert (found, told) == ([], [])
