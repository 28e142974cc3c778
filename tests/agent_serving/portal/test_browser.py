"""In Chromium: the portal works without JavaScript, axe-core finds nothing, and no page is wider than a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from agent_serving.web.pass_store import PassKind
from privacy.rights.request import Right
from tests.agent_serving.portal.portal_shop import ADDRESSES, PortalShop
from tests.agent_serving.portal.test_officer_page import submitted
from tests.agent_serving.serving_shop import PERMITS, SILENT
from tests.agent_serving.web.chromium import browser, faults, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = pytest.mark.browser
WIDTHS = {360: "ko-KR", 1280: "en-US"}


def sign_in(shop: PortalShop, url: str, page: Page, customer: str = PERMITS) -> None:
    passes = shop.passes()
    secret = passes.issue(PassKind.LINK, {"customer_id": customer, "address": ADDRESSES[customer]}, customer)
    passes.close()
    page.goto(f"{url}/portal/sign-in/link?token={secret}")
    page.locator("main button").click()


def test_a_person_without_javascript_on_a_phone_erases_the_own_data(
    shop: PortalShop, url: str, browser: Browser
) -> None:
    with page_of(browser, java_script_enabled=False, viewport={"width": 360, "height": 700}, locale="ko-KR") as page:
        shop.box.mails.clear()
        page.goto(f"{url}/portal")
        page.get_by_label("이메일 주소").fill(ADDRESSES[SILENT])
        page.get_by_role("button", name="링크 받기").click()
        page.goto(shop.box.link().replace("http://127.0.0.1:9", url))
        page.get_by_role("button", name="로그인하기").click()
        page.get_by_role("link", name="새 요청").click()
        page.get_by_role("link", name="개인정보 삭제").click()
        page.get_by_label("되돌릴 수 없음을").check()
        page.get_by_role("button", name="요청 보내기").click()
        number = page.locator("code.number").inner_text()
        page.get_by_role("button", name="로그아웃").click()
        page.get_by_role("link", name="요청 번호로").click()
        page.get_by_label("요청 번호").fill(number)
        page.get_by_role("button", name="상태 보기").click()
        assert page.get_by_text("승인 심사").count() == 1
    assert shop.installation.rights_service().request(number).state == "verified"


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_no_page_is_wider_than_the_screen(
    shop: PortalShop, url: str, browser: Browser, width: int
) -> None:
    number = submitted(shop, Right.ACCESS if width == 360 else Right.PORTABILITY)
    scheme: Any = "dark" if width == min(WIDTHS) else "light"
    with page_of(
        browser, viewport={"width": width, "height": 800}, locale=WIDTHS[width], color_scheme=scheme
    ) as page:  # fmt: skip
        found: list[str] = []

        def look(path: str | None = None) -> None:
            if path is not None:
                page.goto(f"{url}/portal{path}")
            found.extend(faults(page, with_width=width))

        is_phone = width == min(WIDTHS)
        for path in ("", "/sign-in?again=1", "/sign-in/link?token=x", "/status", "/officer/sign-in", "/nowhere"):
            look(path)
        sign_in(shop, url, page)
        look()
        for path in ("/data", "/consents", "/consents/marketing", "/requests", f"/requests/{number}"):
            look(path)
        for right in ("", *(f"/{right}" for right in Right)) if is_phone else ("/objection",):
            look(f"/requests/new{right}")
        page.goto(f"{url}/portal/consents/analytics")
        page.locator("#age").fill("9")
        page.locator("main button").click()
        look()
        page.get_by_role("button", name=re.compile("Sign out|로그아웃")).click()
        page.goto(f"{url}/portal/officer")
        page.locator("#key").fill(shop.officer_key())
        page.locator("main button").click()
        look()
        look(f"/officer/requests/{number}")
    assert not found


def test_axe_would_find_a_field_without_label_and_a_pale_text(shop: PortalShop, url: str, browser: Browser) -> None:
    with page_of(browser) as page:
        page.goto(f"{url}/portal")
        assert not faults(page)
        page.evaluate("document.querySelector('label').remove()")
        page.evaluate("document.querySelector('h1').style.color = '#bbb'")
        assert {fault.rpartition(": ")[2] for fault in faults(page)} == {"label", "color-contrast"}


def test_every_control_is_reached_by_the_keyboard_with_a_visible_focus(
    shop: PortalShop, url: str, browser: Browser
) -> None:
    with page_of(browser, viewport={"width": 360, "height": 700}) as page:
        sign_in(shop, url, page)
        page.goto(f"{url}/portal/requests/new/erasure")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        reached = set()
        for _ in range(30):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id"))
            style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert style != "none" or page.evaluate("document.activeElement === document.body")
        assert {"delete", "country", "statement", "confirmed"} <= reached
