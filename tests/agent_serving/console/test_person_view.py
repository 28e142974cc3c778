"""A page of a person: found by the identifier as the role sees it, in the audit log before it is sent, or not shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import Response
from typer.testing import CliRunner

from agent_serving.console.visit import Visit
from installation.installation import Installation
from pipelines.cli.app import app
from privacy.access.pseudonym import log_pseudonym, pseudonyms
from privacy.audit import AuditError, AuditLog
from tests.agent_serving.console.console_shop import staff, views
from tests.agent_serving.console.sample_page import sample_page


def show(visit: Visit) -> Response:
    return Response(f"{visit.customer.seen} of {visit.read('gold/customer_360', ['customer_id']).num_rows}")


@pytest.fixture(scope="module")
def person_url(market_installation: Installation) -> Iterator[str]:
    """The address of a console with a page of a person for analysts."""
    path = "/segment/sample/{customer}"
    with sample_page(market_installation, path, show, "segment", of_person=True) as url:
        yield url


@pytest.fixture(scope="module")
def customers(market_installation: Installation) -> list[str]:
    """Identifiers of customers as they are stored."""
    found: list[str] = market_installation.lakehouse.rows("silver/customer", ["customer_id"])["customer_id"].to_pylist()
    return found


def seen_by(installation: Installation, customer: str, role: str, purpose: str) -> str:
    return pseudonyms(installation.pseudonym_key, role, purpose, [customer])[customer]


def test_a_view_is_logged_with_the_pseudonym_of_the_log(
    market_installation: Installation, person_url: str, customers: list[str]
) -> None:
    browser = staff(market_installation, person_url, "analyst")
    seen = seen_by(market_installation, customers[0], "analyst", "analytics")
    before = len(views(market_installation))
    answer = browser.get(f"/segment/sample/{seen}")
    assert answer.text.startswith(f"{seen} of ")
    (entry,) = views(market_installation)[before:]
    assert (entry.who, entry.role, entry.purpose, entry.action) == ("analyst", "analyst", "analytics", "view")
    assert (entry.table, entry.subjects, entry.outcome, entry.identity) == (
        "console/segment", 1, "allowed", "authenticated",
    )  # fmt: skip
    assert entry.subject == log_pseudonym(market_installation.pseudonym_key, customers[0])
    read = list(market_installation.audit_log.entries(lambda one: one.action == "read" and one.who == "analyst"))
    assert {entry.identity for _, entry in read} == {"authenticated"}


def test_the_views_of_a_customer_are_found(
    market_installation: Installation, person_url: str, customers: list[str]
) -> None:
    browser = staff(market_installation, person_url, "analyst")
    for customer in customers[5:7]:
        browser.get(f"/segment/sample/{seen_by(market_installation, customer, 'analyst', 'analytics')}")
    data = str(market_installation.settings.data_dir)
    shown = CliRunner().invoke(app, ["audit", "show", "--customer", customers[5], "--json", "--data", data])
    found = [json.loads(line) for line in shown.stdout.splitlines()]
    # Other tests open other pages of the same customers.
    (entry,) = [one for one in found if one["table"] == "console/segment"]
    assert (entry["action"], entry["subject"]) == (
        "view", log_pseudonym(market_installation.pseudonym_key, customers[5]),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["stored", "other purpose", "other role", "unknown", "quote"])
def test_no_other_identifier_leads_to_a_person(
    market_installation: Installation, person_url: str, customers: list[str], kind: str
) -> None:
    other = {
        "stored": customers[0], "other purpose": seen_by(market_installation, customers[0], "analyst", "research"),
        "other role": seen_by(market_installation, customers[0], "marketer", "analytics"), "unknown": "p_" + "0" * 32,
        "quote": "x' OR '1'='1",
    }[kind]  # fmt: skip
    before = len(views(market_installation))
    assert staff(market_installation, person_url, "analyst").get(f"/segment/sample/{other}").status_code == 404
    assert len(views(market_installation)) == before


def test_a_role_that_may_not_open_the_page_is_refused_and_logged(
    market_installation: Installation, person_url: str, customers: list[str]
) -> None:
    answer = staff(market_installation, person_url, "support").get(f"/segment/sample/{customers[0]}")
    assert answer.status_code == 403
    entry = views(market_installation)[-1]
    assert (entry.role, entry.outcome, entry.subject) == ("support", "refused", None)


def test_without_an_entry_in_the_log_there_is_no_page(
    market_installation: Installation, person_url: str, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = staff(market_installation, person_url, "analyst")
    seen = seen_by(market_installation, customers[1], "analyst", "analytics")

    def fail(self: AuditLog, entry: Any) -> None:
        if entry.action == "view":
            raise AuditError("The disk is full.")

    monkeypatch.setattr(AuditLog, "append", fail)
    answer = browser.get(f"/segment/sample/{seen}")
    assert (answer.status_code, f"{seen} of " in answer.text) == (503, False)
    monkeypatch.undo()
    assert browser.get(f"/segment/sample/{seen}").status_code == 200


def test_a_change_of_a_person_is_logged_as_one(
    market_installation: Installation, person_url: str, customers: list[str]
) -> None:
    browser = staff(market_installation, person_url, "marketer")
    seen = seen_by(market_installation, customers[0], "marketer", "marketing")
    browser.get()
    assert browser.post(f"/segment/sample/{seen}").status_code == 200
    assert views(market_installation)[-1].action == "change"
