"""The pages of the models say what the newest cards say, and show no score of a small group or of one customer."""

from __future__ import annotations

import re

import pytest

from features.insight.group_size import K
from features.insight.model.card import ModelCard
from features.insight.score.card_text import newest_cards
from features.insight.score.model_table import TABLE
from installation.installation import Installation
from tests.agent_serving.console.console_shop import staff

CUSTOMER = re.compile(r"\b[cp]_[a-z2-7]{26}\b|\bp_[0-9a-f]{32}\b")
ROW = re.compile(r'<tr><th scope="row">([^<]*)</th><td class="number">([\d,]+)</td>')


def cards_of(installation: Installation) -> list[ModelCard]:
    rows = installation.lakehouse.rows(TABLE, ["card"])["card"].to_pylist()
    return newest_cards(ModelCard.from_json(text) for text in rows)


@pytest.mark.parametrize("role", ["analyst", "data_steward"])
def test_each_model_has_a_line_and_a_page(market_installation: Installation, market_url: str, role: str) -> None:
    browser, cards = staff(market_installation, market_url, role), cards_of(market_installation)
    page = browser.get("/model").text
    assert cards
    for card in cards:
        assert f'href="/console/model/{card.target}"' in page
        shown = browser.get(f"/model/{card.target}").text
        assert f"{card.customer_count:,} customers" in shown
        assert ("Calibration: what" in shown) is (card.calibration is not None)
        assert not CUSTOMER.search(shown)
    wrong = sum(card.calibration is not None and not card.calibration.holds for card in cards)
    assert page.count("does not hold (") == wrong


def test_groups_are_of_at_least_ten_customers(market_installation: Installation, market_url: str) -> None:
    page = staff(market_installation, market_url, "analyst").get("/model/churn").text
    groups = ROW.findall(page.partition("Mean score by")[2].partition("Trainings")[0])
    assert groups
    assert all(int(count.replace(",", "")) >= K for _, count in groups)


def test_an_unknown_model_is_not_found(market_installation: Installation, market_url: str) -> None:
    assert staff(market_installation, market_url, "analyst").get("/model/nothing").status_code == 404


def test_without_models_the_page_says_why(installation: Installation, url: str) -> None:
    assert "No model was fitted yet" in staff(installation, url, "analyst").get("/model").text


@pytest.mark.parametrize("role", ["marketer", "support"])
def test_other_roles_may_not_open_them(installation: Installation, url: str, role: str) -> None:
    assert staff(installation, url, role).get("/model").status_code == 403
