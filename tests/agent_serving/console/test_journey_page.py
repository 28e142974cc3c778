"""The page of journeys counts those of customers who permit the purpose, by period and segment."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from features.insight.segment.reading import read_segmentation
from installation.installation import Installation
from tests.agent_serving.console.console_shop import staff
from tests.agent_serving.console.page_oracle import PageOracle

CUSTOMER = re.compile(r"\b[cp]_[a-z2-7]{26}\b|\bp_[0-9a-f]{32}\b")
TOTAL = re.compile(r'<th scope="row">All journeys</th><td class="number" data-value="(\d+)"')
TABLE = "gold/customer_journey"


def total(page: str) -> int:
    found = TOTAL.search(page)
    return int(found[1]) if found else 0


def test_only_journeys_of_customers_who_permit_the_purpose_are_counted(
    market_installation: Installation, market_url: str
) -> None:
    marketer = staff(market_installation, market_url, "marketer", "marketing")
    rows = market_installation.lakehouse.rows(TABLE, ["customer_id", "started_at"]).to_pylist()
    oracle, now = PageOracle(market_installation), market_installation.decision_moment()
    permits = {who for who in {row["customer_id"] for row in rows} if oracle.permits(who, "marketing", now)}
    counted = [row for row in rows if row["customer_id"] in permits]
    assert total(marketer.get("/journey").text) == len(counted) // 10 * 10
    assert len(counted) // 10 < len(rows) // 10, "the negative control: somebody does not permit it"
    # A marketer sees times as months, so the period begins with its first month.
    first = (market_installation.reference_date() - timedelta(days=90)).replace(day=1)
    recent = [row for row in counted if row["started_at"].date() >= first]
    assert total(marketer.get("/journey?period=90").text) == len(recent) // 10 * 10


def test_segments_part_the_journeys_and_no_customer_is_shown(
    market_installation: Installation, market_url: str
) -> None:
    marketer = staff(market_installation, market_url, "marketer")
    whole = marketer.get("/journey").text
    pages = [
        marketer.get(f"/journey?segment={card.segment_id}").text
        for card in read_segmentation(market_installation.lakehouse).cards
    ]
    assert 0 < sum(map(total, pages)) <= total(whole)
    assert not CUSTOMER.search("".join([whole, *pages]))


@pytest.mark.parametrize(("query", "status"), [("segment=none", 200), ("segment='%20OR%201=1", 200), ("period=7", 422)])
def test_what_is_unknown_has_no_figures(
    market_installation: Installation, market_url: str, query: str, status: int
) -> None:
    page = staff(market_installation, market_url, "marketer").get(f"/journey?{query}")
    assert (page.status_code, total(page.text)) == (status, 0)
    assert status == 422 or "Fewer than 10 customers" in page.text


@pytest.mark.parametrize("role", ["support", "data_steward", "privacy_officer"])
def test_other_roles_may_not_open_it(installation: Installation, url: str, role: str) -> None:
    assert staff(installation, url, role).get("/journey").status_code == 403
