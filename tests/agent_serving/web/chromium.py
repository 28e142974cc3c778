"""Chromium for tests of pages, and what axe-core finds on one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.engines import require_or_skip
from tests.pipelines.cli.dagster_ui import CHROMIUM, FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        require_or_skip("browser", f"{CHROMIUM} is not installed (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield opened
        opened.close()


@contextmanager
def page_of(browser: Browser, **options: Any) -> Iterator[Page]:
    context = browser.new_context(**options)
    context.set_default_timeout(60_000)
    try:
        yield context.new_page()
    finally:
        context.close()


def faults(page: Page, *, with_width: int | None = None) -> list[str]:
    """Return what axe-core finds on a page, and whether it is wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe

    found = [f"{page.url}: {one['id']}" for one in Axe().run(page).response["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [*found, f"{page.url}: {wide} wide"] if with_width is not None and wide > with_width else found
