"""What the pages of one customer show, judged by an independent evaluation of role, consent and stored rows."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from html import unescape

import pytest

from agent_serving.console.cell import Formatter
from agent_serving.console.page_table import PAGES, ROLES
from agent_serving.console.part import shown
from agent_serving.web.page import Pages
from installation.installation import Installation
from privacy.access.pseudonym import log_pseudonym, pseudonyms
from tests.agent_serving.console.console_shop import PURPOSES, staff, views
from tests.agent_serving.console.page_oracle import PageOracle

FIELDS = 10_000
TABLES = {"gold/customer_360", "silver/customer"}
_ROW = re.compile(
    r'<tr data-field="(\w+/\w+)\.(\w+)"><th scope="row">.*?</th><td>(.*?)</td><td>(.*?)</td>', re.DOTALL
)  # fmt: skip
_PURPOSES = {role: [PURPOSES[role]] for role in ROLES} | {
    "analyst": ["analytics", "research", "pseudonymised_research"], "marketer": ["marketing", "personalisation"],
    "privacy_officer": ["legal_records", "analytics", "marketing", "quality_assurance"],
    "data_steward": ["quality_assurance", "identity_resolution"],
}  # fmt: skip


@dataclass
class Comparison:
    """What was compared, and each field that the page shows otherwise than the evaluation."""

    found: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def compare(installation: Installation, url: str, oracle: PageOracle, pages: int | None, seed: int) -> Comparison:
    """Open random pages until `FIELDS` fields, or `pages` pages, were compared."""
    rng, done = random.Random(seed), Comparison()
    customers = installation.lakehouse.rows("silver/customer", ["customer_id"])["customer_id"].to_pylist()
    choices = [(role, purpose) for role in ROLES for purpose in _PURPOSES[role]]
    browsers = {}
    while done.found.total() < FIELDS and (pages is None or done.found["pages"] < pages):
        role, purpose = rng.choice(choices)
        customer = rng.choice(customers)
        if (role, purpose) not in browsers:
            browsers[role, purpose] = staff(installation, url, role, purpose)
        seen = customer
        if oracle.roles[role]["subjects"] == "pseudonymised" or purpose == "pseudonymised_research":
            seen = pseudonyms(installation.pseudonym_key, role, purpose, [customer])[customer]
        before = len(views(installation)) if rng.random() < 0.1 else None
        text = browsers[role, purpose].get(f"/customer/{seen}").text
        if before is not None:
            log = views(installation)
            if len(log) != before + 1 or log[-1].subject != log_pseudonym(installation.pseudonym_key, customer):
                done.faults.append(f"{role} {purpose}: a view is not in the log")
        done.found["pages"] += 1
        judge(installation, oracle, done, (role, purpose, customer), text)
    return done


def judge(
    installation: Installation, oracle: PageOracle, done: Comparison, who: tuple[str, str, str], text: str
) -> None:  # fmt: skip
    """Compare every field of a page."""
    role, purpose, customer = who
    permits = oracle.permits(customer, purpose, installation.decision_moment())
    formatter = Formatter("en", Pages("agent_serving.console", {}, installation.settings.time_zone))
    fields = {(table, column): value for table, column, value, _ in _ROW.findall(text)}
    for table in TABLES:
        contract, rows = installation.contracts.table(table), oracle.stored(table, customer)
        columns = [one.name for one in contract.columns if one.name not in ("customer_id", "as_of")]
        readable = {column for column in columns if oracle.may_see(role, purpose, table, column)}
        if not readable or (permits and not rows):
            if any(place == table for place, _ in fields):
                done.faults.append(f"{role} {purpose} {table}: a table without anything to read is shown")
            done.found["nothing"] += 1
            continue
        for column in columns:
            is_open = column in readable and permits
            expected = None
            if is_open:
                value = shown(contract, column, oracle.shown(role, rows[0][column]))
                expected = unescape(str(formatter.cell(value)))
            got = fields.get((table, column))
            done.found["shown" if is_open else "withheld"] += 1
            if is_open and (got is None or unescape(got) != expected):
                done.faults.append(f"{role} {purpose} {table}.{column}: expected {expected}, got {got}")
            if not is_open and (got is None or 'class="withheld"' not in got):
                done.faults.append(f"{role} {purpose} {table}.{column}: expected withheld, got {got}")


@pytest.mark.slow
def test_a_page_shows_what_role_and_consent_permit_and_nothing_else(
    market_installation: Installation, market_url: str
) -> None:  # fmt: skip
    done = compare(market_installation, market_url, PageOracle(market_installation), None, 20261201)
    assert done.faults == []
    assert min(done.found[kind] for kind in ("shown", "withheld")) > FIELDS / 10, done.found


@pytest.mark.parametrize("broken", ["purpose", "category", "consent", "coarse"])
def test_a_rule_that_the_page_would_break_is_found(
    market_installation: Installation, market_url: str, broken: str
) -> None:  # fmt: skip
    oracle = PageOracle(market_installation, broken)
    # Few pages of a hundred have a value that coarsening changes.
    assert compare(market_installation, market_url, oracle, 500 if broken == "coarse" else 100, 7).faults


def test_every_section_opens_for_its_roles_only(market_installation: Installation, market_url: str) -> None:
    customer = market_installation.lakehouse.rows("gold/customer_score", ["customer_id"])["customer_id"][0].as_py()
    for role in ROLES:
        seen = customer
        if role in ("analyst", "marketer"):
            seen = pseudonyms(market_installation.pseudonym_key, role, PURPOSES[role], [customer])[customer]
        browser = staff(market_installation, market_url, role)
        for page in PAGES.values():
            if page.is_of_person:
                answer = browser.get(page.path.replace("{customer}", seen))
                assert answer.status_code == (200 if role in page.roles else 403), (role, page.path)
                assert customer not in answer.text or seen == customer, (role, page.path)
