"""Questions about tables of a lakehouse: of whom they tell, what they cost, what stands in the log."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from installation.audit_verification import verify_releases
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.release import statistics_service
from pipelines.release.declaration import StatisticsRelease
from pipelines.release.statistics import publish
from pipelines.release.statistics_service import StatisticsService
from privacy.access.errors import AccessRefused
from privacy.consent.view import ConsentView
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.errors import BudgetRefused
from privacy.dp.release import read_question
from privacy.dp.sqlite_store import SqliteStore
from tests.pipelines.conftest import agree
from tests.pipelines.consent.test_intake import TABLES

TABLE = "silver/customer"
ACCOUNT = BudgetAccount(TABLE, "analytics")
NOW = datetime.now(UTC)
# So little noise that counts come out exact.
FORM = {"dataset": TABLE, "purpose": "analytics", "statistics": ["customers"], "rho": 100.0, "bounds": {"rows": 1}}


def count_openings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A list that gets the path of each ledger that is opened from now on."""
    opened: list[Path] = []
    real = SqliteStore.__init__

    def note(self: SqliteStore, path: Path, anchor: Path) -> None:
        opened.append(path)
        real(self, path, anchor)

    monkeypatch.setattr(SqliteStore, "__init__", note)
    return opened


def test_only_those_who_permit_count_and_each_release_is_paid_and_logged(build_market, tmp_path, monkeypatch) -> None:
    openings = count_openings(monkeypatch)
    tables = (*TABLES, "silver/customer_attribute", TABLE)
    built = build_market("sail", tables, ("crm_customer", "loyalty_card", "consent_event"))
    opened = Installation(load_settings(data_dir=tmp_path / "data", secret_dir=tmp_path / "secret"))
    view = built.context.agreed
    desk = StatisticsService(
        opened, built.lakehouse,
        lambda: ConsentView(view.open, view.policy, view.controller, view.moment), "ha-neul", "analyst",
    )  # fmt: skip
    question, people = read_question(FORM), sorted(built.frame(TABLE)["customer_id"])
    with pytest.raises(BudgetRefused):
        desk.answer(question)
    ledger = opened.open_ledger()
    ledger.set_limit(ACCOUNT, "ever", Cost(200 * 10**9), NOW)
    assert desk.answer(question).values("customers") == {(): len(people)}
    assert desk.answer(question).values("customers") == {(): len(people)}
    agree(built, people[0], "analytics", "withdrawn", effective_at=view.moment, recorded_at=view.moment)
    # A withdrawal changes neither what a repeated question costs nor what it answers.
    assert desk.answer(question).values("customers") == {(): len(people)}
    later = question.model_copy(update={"repeat": "month"})
    assert desk.answer(later).values("customers") == {(): len(people) - 1}
    assert people[0] not in desk.answer(later).model_dump_json()
    assert ledger.balances(ACCOUNT, NOW)[0].left == Cost(0)
    assert desk.balances(question) == {"ever": 0}
    # One by this test, one by the desk for all of its questions and balances.
    assert openings == [opened.settings.data_dir / "dp" / "ledger.sqlite"] * 2
    with pytest.raises(AccessRefused, match="analyst may not read for legal_records"):
        desk.answer(question.model_copy(update={"purpose": "legal_records"}))
    with pytest.raises(AccessRefused, match="analyst may not read bronze/crm_customer"):
        desk.answer(question.model_copy(update={"dataset": "bronze/crm_customer"}))
    # The contrast: another role has the purpose, and only the budget stops it.
    officer = replace(desk, role="privacy_officer")
    with pytest.raises(BudgetRefused):
        officer.answer(question.model_copy(update={"purpose": "marketing"}))
    # Negative control: without the check of the role, as before, only the budget stops the analyst.
    with monkeypatch.context() as unchecked:
        unchecked.setattr(statistics_service, "require_role", lambda *_: None)
        with pytest.raises(BudgetRefused):
            desk.answer(question.model_copy(update={"purpose": "marketing"}))
    log = opened.audit_log
    assert {entry.identity for _, entry in log.entries()} == {"declared"}
    published = StatisticsRelease.model_validate(
        {"name": "customer", "kind": "statistics", "title": "Customers who permit analytics", "question": FORM}
    )
    assert publish(published, desk) == desk.answer(question)
    told = built.lakehouse.read("release/customer").toArrow().to_pylist()
    assert [(row["statistic"], row["value"], row["rho"]) for row in told] == [("customers", len(people), 100.0)]
    assert json.loads(told[0]["statement"])["unit"].startswith("one customer_id")
    asked = [
        (entry.role, entry.purpose, entry.outcome)
        for _, entry in log.entries(lambda entry: entry.action == "dp_release")
    ]
    assert asked == [
        ("analyst", "analytics", "refused"), ("analyst", "analytics", "allowed"), ("analyst", "analytics", "allowed"),
        ("analyst", "legal_records", "refused"), ("analyst", "analytics", "refused"),
        ("privacy_officer", "marketing", "refused"), ("analyst", "marketing", "refused"),
    ]  # fmt: skip
    assert len(list(log.entries(lambda entry: entry.action == "dp_repeat"))) == 5
    assert verify_releases(opened) == []
    ledger.close()
    with sqlite3.connect(opened.settings.data_dir / "dp" / "ledger.sqlite") as connection:
        connection.execute("UPDATE dp_balance SET nano_rho = 0")
    assert [finding.kind for finding in verify_releases(opened)] == ["ledger"]
    opened.close()
