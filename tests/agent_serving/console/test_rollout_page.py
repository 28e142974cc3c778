"""The pages of rollouts say what the service says, for the purpose of the session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from features.rollout.service import Rollouts
from installation.installation import Installation
from tests.agent_serving.console.console_shop import sign_in, staff
from tests.agent_serving.web.chromium import browser, faults, page_of
from tests.features.rollout.rollout_shop import CANARY, KIM, NEW, OLD, SUBJECT, document

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
NAMES = ("rolled_back", "canary_now")


@pytest.fixture(scope="module")
def rollouts(market_installation: Installation) -> Iterator[Rollouts]:
    """One that was rolled back, and a canary with calls."""
    now = market_installation.clock()
    with Installation(market_installation.settings, lambda: now - timedelta(hours=1)) as then:
        former = Rollouts(then)
        for name in NAMES:
            former.create(document(CANARY | {"hours": 48}, name=name, subject=f"{SUBJECT}_{name}"), KIM)
            former.record(f"{SUBJECT}_{name}", OLD, 800, 8)
            former.record(f"{SUBJECT}_{name}", NEW, 200, 100 if name == "rolled_back" else 2)
        former.close()
    made = Rollouts(market_installation)
    made.judge()
    yield made
    for name in NAMES:
        made.stop(name, "the test is over", KIM)


def test_the_pages_tell_what_the_service_says(
    market_installation: Installation, market_url: str, rollouts: Rollouts
) -> None:
    visitor = staff(market_installation, market_url, "marketer", "personalisation")
    listed = visitor.get("/experiment").text
    assert [f'href="/console/rollout/{name}"' in listed for name in NAMES] == [True, True]
    page = visitor.get("/rollout/rolled_back").text
    assert rollouts.report("rolled_back", KIM).steps[-1].reason.replace("'", "&#39;") in page
    assert "50.0%" in page
    assert "canary until" in visitor.get("/rollout/canary_now").text
    assert visitor.get("/rollout/nothing").status_code == 404


def test_another_purpose_and_another_role_may_not_look(
    market_installation: Installation, market_url: str, rollouts: Rollouts
) -> None:
    analyst = staff(market_installation, market_url, "analyst")
    assert "rolled_back" not in analyst.get("/experiment").text
    assert analyst.get("/rollout/rolled_back").status_code == 403
    assert staff(market_installation, market_url, "support").get("/rollout/rolled_back").status_code == 403


@pytest.mark.browser
def test_the_page_is_readable_in_both_languages_and_sizes(
    market_installation: Installation, market_url: str, browser: Browser, rollouts: Rollouts
) -> None:
    found = []
    for width, locale, scheme in ((360, "en-US", "light"), (1280, "ko-KR", "dark")):
        with page_of(browser, viewport={"width": width, "height": 900}, locale=locale, color_scheme=scheme) as page:
            sign_in(market_installation, market_url, page, "privacy_officer", "personalisation")
            for path in ("/experiment", *(f"/rollout/{name}" for name in NAMES)):
                page.goto(f"{market_url}/console{path}")
                found += faults(page, with_width=width)
    assert found == []
