"""The chat page in headless Chromium, at the width of a phone and of a screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from bench.agent.agent_shop import fill_index
from tests.agent_serving.serving_shop import served
from tests.agent_serving.test_chat import opened
from tests.engines import require_or_skip
from tests.features.retrieval.feature_shop import FeatureShop
from tests.pipelines.cli.dagster_ui import CHROMIUM, browser_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    # Of axe's Python package: its script is read by a way that setuptools gives up.
    pytest.mark.filterwarnings("ignore:.*pkg_resources.*:"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    if not CHROMIUM.exists():
        require_or_skip("browser", f"{CHROMIUM} is not installed (apt-get install chromium)")
    shop = FeatureShop(tmp_path_factory.mktemp("page"))
    shop.store(())
    fill_index(shop.installation)
    with served(shop) as found:
        yield found
    shop.close()


@pytest.fixture(scope="module", params=[360, 1280])
def page(request: pytest.FixtureRequest, client: httpx.Client) -> Iterator[Page]:
    """The page of a new session, with the faults that its console reports."""
    with browser_page(request.param, 800) as one:
        one.on("pageerror", lambda error: pytest.fail(str(error)))
        one.goto(f"{client.base_url}{opened(client)['page']}")
        one.select_option("#language", "ko")
        yield one


def accessibility_faults(page: Page) -> list[str]:
    """Return the rules of axe that the page breaks."""
    from axe_playwright_python.sync_playwright import Axe

    return [found["id"] for found in Axe().run(page).response["violations"]]


def test_a_conversation_shows_sentences_and_cards_with_their_actions(page: Page, tmp_path: Path) -> None:
    page.get_by_role("button", name="진행 중인 행사 알려 주세요").click()
    page.locator("#send:enabled").wait_for()
    page.fill("#message", "나이키 매장 몇 층이에요?")
    page.keyboard.press("Enter")
    card = page.locator(".card", has_text="나이키").last
    card.wait_for()
    assert "4F" in card.inner_text()
    assert re.fullmatch(
        r"tel:[0-9+]+", card.get_by_role("link", name=re.compile("전화하기")).get_attribute("href") or ""
    )
    map_link = card.get_by_role("link", name=re.compile("지도 보기"))
    assert (map_link.get_attribute("href") or "").startswith("https://")
    assert map_link.get_attribute("rel") == "noopener noreferrer"
    assert "4층" in page.locator(".agent").last.inner_text()
    page.locator("#send:enabled").wait_for()
    # Nothing is wider than the screen.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert accessibility_faults(page) == []
    page.screenshot(path=str(tmp_path / "page.png"))


def test_the_language_changes_every_word_of_the_page(page: Page) -> None:
    page.select_option("#language", "en")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("button", name="Where can I park?").is_visible()
    outside = page.locator("header, form, #quick").all_inner_texts()
    assert not re.search("[가-힣]", re.sub("한국어", "", " ".join(outside)))
    page.select_option("#language", "ko")


def test_a_message_is_answered_in_its_language_until_one_is_chosen(page: Page, client: httpx.Client) -> None:
    assert page.context.browser is not None
    one = page.context.browser.new_page()
    one.goto(f"{client.base_url}{opened(client)['page']}")
    assert one.locator("html").get_attribute("lang") == "en"
    one.fill("#message", "나이키 매장 몇 층이에요?")
    one.keyboard.press("Enter")
    one.locator(".card").wait_for()
    assert "4층" in one.locator(".agent").last.inner_text()
    one.close()


def test_what_a_shopper_or_a_result_says_is_text_and_no_markup(page: Page) -> None:
    page.fill("#message", "<img src=x onerror=document.title='broken'> 사과 있어요?")
    page.click("#send")
    page.locator("#send:enabled").wait_for()
    assert page.locator(".said img").count() == 0
    assert page.title() == "쇼핑 도우미"


def test_the_token_leaves_the_address_and_a_reload_shows_the_conversation(page: Page) -> None:
    assert "#" not in page.url
    before = page.locator(".shopper").count()
    page.reload()
    page.locator(".shopper").nth(before - 1).wait_for()
    assert page.locator(".shopper").count() == before


def test_a_deleted_conversation_is_gone_and_the_page_says_so(page: Page) -> None:
    page.click("#delete")
    page.get_by_text(re.compile("대화를 삭제했습니다|The chat was deleted")).wait_for()
    page.fill("#message", "사과")
    page.click("#send")
    page.get_by_text(re.compile("대화가 끝났습니다|The chat has ended")).wait_for()
    assert accessibility_faults(page) == []
