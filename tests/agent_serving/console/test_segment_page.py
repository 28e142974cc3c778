"""The pages of segments show the personas of the newest run, and no customer."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from features.insight.segment.reading import read_segmentation
from installation.installation import Installation
from tests.agent_serving.console.console_shop import staff

CUSTOMER = re.compile(r"\b[cp]_[a-z2-7]{26}\b|\bp_[0-9a-f]{32}\b")


@pytest.mark.parametrize("role", ["analyst", "marketer"])
def test_each_persona_has_a_card_and_a_page(market_installation: Installation, market_url: str, role: str) -> None:
    cards = read_segmentation(market_installation.lakehouse).cards
    browser = staff(market_installation, market_url, role)
    page = browser.get("/segment").text
    for card in cards:
        assert card.name in page
        assert f"At least {card.customer_count}" in page
        shown = browser.get(f"/segment/{card.segment_id}").text
        assert card.name in shown
        assert ("Build an audience" in shown) is (role == "marketer")
        assert not CUSTOMER.search(page + shown)
    korean = staff(market_installation, market_url, role, **{"Accept-Language": "ko"})
    assert all(card.name_ko in korean.get("/segment").text for card in cards)


def test_an_unknown_segment_is_not_found(market_installation: Installation, market_url: str) -> None:
    assert staff(market_installation, market_url, "analyst").get("/segment/s999").status_code == 404


@pytest.mark.parametrize("role", ["support", "data_steward", "privacy_officer"])
def test_other_roles_may_not_open_them(installation: Installation, url: str, role: str) -> None:
    assert staff(installation, url, role).get("/segment").status_code == 403


def test_without_segments_the_page_says_what_to_do(installation: Installation, url: str) -> None:
    page = staff(installation, url, "marketer").get("/segment")
    assert (page.status_code, "Run the pipeline" in page.text) == (200, True)


def test_moves_are_drawn_from_the_cards(
    market_installation: Installation, market_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_segmentation(market_installation.lakehouse)
    first, second = found.cards[:2]
    moved = replace(found, cards=(replace(first, moved_in={second.segment_id: 20}), second))
    monkeypatch.setattr("agent_serving.console.segment_page.read_segmentation", lambda _: moved)
    page = staff(market_installation, market_url, "analyst").get("/segment").text
    assert 'data-chart="sankey"' in page
    assert f"{second.name} (before)" in page
    assert f"{first.name} (now)" in page
    assert 'data-value="20"' in page
