"""The privacy officer's pages show the consents, the log and the record as they are stored."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_serving.console.page_table import ROLES
from agent_serving.console.privacy_tab import TABS
from installation.installation import Installation
from privacy.access.pseudonym import log_pseudonym
from privacy.audit import AuditEntry, AuditLog
from privacy.audit_search import AuditSearch, search_audit_log
from privacy.consent.overview import consent_overview
from privacy.storage.hash_chain import EMPTY
from tests.agent_serving.console.console_shop import staff, views

OFFICER = "privacy_officer"
START = datetime(2026, 11, 1, tzinfo=UTC)


def test_pages_open_for_the_officer_alone(market_installation: Installation, market_url: str) -> None:
    for role in ROLES:
        browser = staff(market_installation, market_url, role)
        for path in (*TABS, "/privacy/processing.csv"):
            assert browser.get(path).status_code == (200 if role == OFFICER else 403), (role, path)


def test_consents_now_equal_the_decisions_of_each_customer(market_installation: Installation) -> None:
    # By day, outside the hours in which an advertisement needs a consent of its own.
    store, now = market_installation.consent_store, market_installation.decision_moment().replace(hour=12)
    policy, controller = market_installation.policy, market_installation.settings.controller
    found = consent_overview(store.decisive_table(), store.membership_table(), policy, controller, now)
    members = store.customers_of(store.subjects().to_pylist())
    customers = {members.get(one, one) for one in store.subjects().to_pylist()} - {None}
    decisions = market_installation.live_decisions
    for one in found.purposes:
        if policy.taxonomy.consent_of(one.purpose) is None:
            continue
        permitted = sum(decisions.is_permitted(str(customer), one.purpose, now) for customer in customers)
        assert one.permitted[-1] == permitted, one.purpose
    assert any(one.permitted[-1] for one in found.purposes)


def test_tiles_tell_what_needs_action(market_installation: Installation, market_url: str) -> None:
    text = staff(market_installation, market_url, OFFICER).get().text
    for title in ("Overdue requests", "Audit log", "Budgets nearly spent", "Consents that end within 30 days"):
        assert title in text
    assert "intact" in text


def test_record_as_csv_has_each_purpose_of_the_contracts(market_installation: Installation, market_url: str) -> None:
    answer = staff(market_installation, market_url, OFFICER).get("/privacy/processing.csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    expected = {
        (entry.table, purpose)
        for entry in market_installation.catalog.entries
        if entry.is_personal
        for purpose in entry.purposes
    }
    assert len(rows) == 1 + len(expected)
    assert "attachment" in answer.headers["content-disposition"]


def test_search_of_a_customer_is_itself_logged(market_installation: Installation, market_url: str) -> None:
    customer = "c_27jthoumeij2ui2pfsxp263u4u"
    browser = staff(market_installation, market_url, OFFICER)
    browser.get("/privacy/audit")
    before = len(views(market_installation))
    answer = browser.post("/privacy/audit", customer=customer)
    subject = log_pseudonym(market_installation.pseudonym_key, customer)
    assert customer not in str(answer.url)
    assert [entry.subject for entry in views(market_installation)[before:]] == [subject]
    assert browser.get("/privacy/audit?subject=nobody").status_code == 422


@pytest.mark.parametrize("query", ["since=x", "until=9999-12-31", "below=abc", "who=%25%27%22", "below=99999999999"])
def test_odd_searches_are_answered(market_installation: Installation, market_url: str, query: str) -> None:
    assert staff(market_installation, market_url, OFFICER).get(f"/privacy/audit?{query}").status_code in (200, 422)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> AuditLog:
    folder: Path = tmp_path_factory.mktemp("audit")
    made = AuditLog(folder / "audit.db", folder / "audit.anchor", b"k" * 32)
    made.append_all(
        [
            AuditEntry(
                at=START + timedelta(hours=number), who=("kim", 'k"im', "ki_m")[number % 3], role="analyst",
                purpose="analytics", action="read", table=f"gold/table_{number % 7}",
                outcome="refused" if number % 11 == 0 else "allowed", reason='"who":"kim"',
            )
            for number in range(400)
        ]
    )  # fmt: skip
    return made


@pytest.mark.parametrize(
    "search",
    [
        AuditSearch(),
        AuditSearch(who="kim"),
        AuditSearch(who='k"im', outcome="refused"),
        AuditSearch(who="ki_m", table="gold/table_3"),
        AuditSearch(since=START + timedelta(days=2), until=START + timedelta(days=5)),
        AuditSearch(who="nobody"),
        AuditSearch(since=START + timedelta(days=900)),
    ],
)
def test_pages_of_a_search_hold_every_entry_once(log: AuditLog, search: AuditSearch) -> None:
    wanted = {name: value for name in ("who", "table", "outcome") if (value := getattr(search, name))}
    expected = [
        number
        for number, entry in log.entries()
        if all(getattr(entry, name) == value for name, value in wanted.items())
        and (search.since is None or entry.at >= search.since)
        and (search.until is None or entry.at < search.until)
    ]
    found: list[int] = []
    below: int | None = None
    while True:
        page = search_audit_log(log, search, below, rows=7)
        found += [number for number, _ in page.entries]
        below = page.below
        if below is None:
            break
    assert found == expected[::-1]


def test_a_search_examines_a_bounded_part(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.audit_search.EXAMINED", 50)
    page = search_audit_log(log, AuditSearch(who="nobody"))
    assert (page.entries, page.below) == ((), 351)


def test_pieces_of_the_chain_find_a_changed_entry(log: AuditLog) -> None:
    faults, head = log.verify_after(EMPTY, 300)
    assert (faults, head.number) == ([], 300)
    faults, head = log.verify_after(head, 300)
    assert (faults, head.number) == ([], 400)
    other = head.__class__(300, "f" * 64)
    assert log.verify_after(other, 10)[0][0].kind == "altered"


def test_texts_are_in_the_language_of_the_officer(market_installation: Installation, market_url: str) -> None:
    browser = staff(market_installation, market_url, OFFICER, **{"Accept-Language": "ko"})
    for path, title in TABS.items():
        page = browser.get(path).text
        assert title.ko in page
        assert not re.search(r"\b(sms_opt_in|customer_id|None)\b", page), path
