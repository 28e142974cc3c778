"""A marketer builds an audience, sees its permitted size and exports it; no page shows an id or an exact number."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from features.insight.audience.service import Audiences
from features.retrieval.answer import Caller
from installation.data_secret import open_audiences
from installation.destination_settings import DestinationSettings, FileSettings
from installation.installation import Installation
from installation.rights.person_table import PersonTables
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State
from privacy.rights.subject import Subject
from tests.agent_serving.console.console_shop import StaffBrowser, staff

ID = re.compile(r"\bc_[a-z2-7]{26}\b")
ORDERS, RECENT = "customer_purchase_window:order_count_365d", "customer_purchase_window:days_since_last_order"
BUYERS = {"subject": ORDERS, "operator": "at_least", "value": "1", "sense": "", "match": "all"}


@pytest.fixture
def shop(market_installation: Installation) -> Installation:
    """The market without audiences and history."""
    documents = open_audiences(market_installation.settings, market_installation.server)
    for name in documents.names():
        documents.delete(name)
    return market_installation


@pytest.fixture
def marketer(shop: Installation, market_url: str) -> StaffBrowser:
    browser = staff(shop, market_url, "marketer")
    browser.get("/audience/new")
    return browser


def told(page: str) -> int:
    """Return the size that a page tells."""
    found = re.search(r"(?:At least )?(\d+)(?: customers| or more)</strong>", page)
    return int(found[1]) if found else 0


def test_the_builder_tells_the_permitted_size_in_multiples_of_ten(shop: Installation, marketer: StaffBrowser) -> None:
    page = marketer.post("/audience/new", action="size", **BUYERS).text
    audiences = Audiences(shop)
    rule = f"name: a\npurpose: marketing\nrule: {{feature: {ORDERS}, at_least: 1}}\n"
    audiences.create(rule, Caller("tool", "campaign_tool"))
    members = len(audiences.members("a", Caller("tool", "campaign_tool")))
    assert told(page) == members - members % 10 > 0
    assert not ID.search(page)


def test_an_audience_is_built_in_steps_and_stored(shop: Installation, marketer: StaffBrowser) -> None:
    page = marketer.post("/audience/new", action="add", **BUYERS).text
    assert page.count('name="subject"') == 2
    both = {"subject": [ORDERS, "customer_purchase_behaviour:preferred_channel"], "operator": ["at_least", "is"],
            "value": ["1", "online"], "sense": ["", "not"], "match": "all"}  # fmt: skip
    assert marketer.post("/audience/new", action="remove-1", **both).text.count('name="subject"') == 1
    page = marketer.post(
        "/audience/new", action="save", name="store_buyers", description="<b>Buy</b> in the store", **both
    ).text
    assert "&lt;b&gt;Buy&lt;/b&gt; in the store" in page
    stored = Audiences(shop).store.read("store_buyers")
    assert (stored.purpose, stored.rule.document()) == ("marketing", {"all": [
        {"feature": ORDERS, "at_least": 1},
        {"not": {"feature": "customer_purchase_behaviour:preferred_channel", "is": "online"}},
    ]})  # fmt: skip
    again = marketer.get("/audience/new?from=store_buyers").text
    assert again.count('name="subject"') == 2
    assert marketer.post("/audience/store_buyers/delete").status_code == 200
    assert marketer.get("/audience/store_buyers").status_code == 404


def test_an_audience_without_a_name_is_not_stored(shop: Installation, marketer: StaffBrowser) -> None:
    answer = marketer.post("/audience/new", action="save", **BUYERS)
    assert (answer.status_code, "The rule cannot be used yet" in answer.text) == (422, True)
    assert Audiences(shop).store.names() == []


def test_a_nearly_identical_audience_is_refused(shop: Installation, marketer: StaffBrowser) -> None:
    assert told(marketer.post("/audience/new", action="size", **BUYERS).text)
    near = {**BUYERS, "value": "2"}
    answer = marketer.post("/audience/new", action="size", **near)
    assert (answer.status_code, "too near to an earlier one" in answer.text, told(answer.text)) == (422, True, 0)


@pytest.mark.parametrize(("fields", "words"), [
    ({"subject": "event:purchse", "value": "30"}, "purchase"),
    ({"subject": ORDERS, "operator": "at_least", "value": "many"}, "int64"),
    ({"subject": "nothing:here", "value": "1"}, "one of the list"),
    ({"subject": ORDERS, "operator": "at_least", "value": ""}, "a value to compare with"),
    ({"subject": ""}, "at least one"),
    ({"text": "name: a\npurpose: personalisation\nrule: {event: search, channel: fax, within_days: 3}"}, "survey"),
    ({"text": "name: a\npurpose: marketing\nrule: {all: []}"}, "purposes are personalisation"),
])  # fmt: skip
def test_a_rule_that_cannot_be_used_says_what_can(
    shop: Installation, market_url: str, fields: dict[str, str], words: str
) -> None:
    marketer = staff(shop, market_url, "marketer", "personalisation")
    marketer.get("/audience/new")
    answer = marketer.post("/audience/new", action="size", **fields)
    assert answer.status_code == 422
    assert words in answer.text


def test_members_are_shown_under_pseudonyms(shop: Installation, marketer: StaffBrowser) -> None:
    page = marketer.post("/audience/new", action="save", name="buyers", **BUYERS).text
    assert told(page)
    assert not ID.search(page)
    assert 0 < len(set(re.findall(r"\bp_[0-9a-f]{32}\b", page))) <= 20
    actions = [entry.action for _, entry in shop.audit_log.entries(lambda one: one.table == "audience/buyers")]
    assert actions[-2:] == ["size", "preview"]


def test_an_export_is_a_disclosure_and_the_page_tells_no_exact_number(
    shop: Installation, marketer: StaffBrowser, tmp_path: Path
) -> None:
    file = FileSettings(folder=tmp_path / "out", identifiers="google_customer_match")
    named = DestinationSettings(purpose="audience_sharing", role="campaign_tool", audience="buyers", file=file)
    former = shop.settings
    object.__setattr__(shop, "settings", former.model_copy(update={"destinations": {"ads": named}}))
    try:
        permit_sharing(shop)
        marketer.post("/audience/new", action="save", name="buyers", **BUYERS)
        page = marketer.post("/audience/buyers/export", destination="ads").text
        unknown = marketer.post("/audience/buyers/export", destination="other")
    finally:
        object.__setattr__(shop, "settings", former)
    rows = (tmp_path / "out" / "ads_members.csv").read_text().splitlines()[1:]
    assert len(rows) >= 10
    assert "Exported to ads" in page
    assert f"{len(rows) - len(rows) % 10} or more" in page
    assert not ID.search(page)
    assert unknown.status_code == 422
    given = shop.lakehouse.rows("silver/disclosure").to_pylist()
    answer = PersonTables(shop, "test").export(Subject("s_1", (given[0]["customer_id"],)))
    assert [len(table.rows) for table in answer if table.name == "silver/disclosure"] == [1]
    (entry,) = [one for _, one in shop.audit_log.entries(lambda one: one.table == "destination/ads")]
    assert (entry.who, entry.role, entry.identity) == ("marketer", "marketer", "authenticated")


@pytest.mark.parametrize("role", ["analyst", "support", "data_steward", "privacy_officer"])
def test_other_roles_may_not_open_them(installation: Installation, url: str, role: str) -> None:
    browser = staff(installation, url, role)
    for path in ("/audience", "/audience/new", "/audience/buyers"):
        assert browser.get(path).status_code == 403


def permit_sharing(shop: Installation) -> None:
    """Let all customers permit the sharing with advertising platforms."""
    at = datetime(2017, 12, 1, 12)
    shop.consent_store.append([
        ConsentRecord(
            record_id=f"sharing_{name}", subject_id=name, controller=shop.settings.controller,
            purpose="audience_sharing", notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form",
            state=State("given"), effective_at=at, recorded_at=at, age_years=40, evidence_hash="0" * 64,
            asked="separately",
        )
        for name in shop.lakehouse.rows("silver/customer", ["customer_id"])["customer_id"].to_pylist()
    ])  # fmt: skip
