"""A read as a role on real tables: who permits, pseudonyms, the withdrawal of a moment ago, the log."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest

from pipelines.access.reader import Reader
from privacy.access.errors import AccessRefused
from privacy.access.role import built_in_roles
from privacy.audit import AuditLog
from privacy.consent.view import ConsentView
from tests.pipelines.consent.test_intake import TABLES
from tests.pipelines.unify.conftest import Built, agree, build_market, contracts

__all__ = ["build_market", "contracts"]
TABLE = "silver/customer"


def reader(built: Built, log: AuditLog) -> Reader:
    view = built.context.agreed
    return Reader(
        built.lakehouse, built.context.contracts,
        lambda: ConsentView(view.open, view.policy, view.controller, view.moment),
        built_in_roles(), log, bytes(32), "ha-neul", lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def test_a_read_shows_who_permits_it_now_and_is_logged(build_market, tmp_path) -> None:
    built = build_market("sail", (*TABLES, TABLE), ("crm_customer", "loyalty_card", "consent_event"))
    with closing(AuditLog(tmp_path / "audit.db", tmp_path / "anchor", bytes(32))) as log:
        gate = reader(built, log)
        before = gate.read(TABLE, "analyst", "analytics", ["customer_id", "sex"])
        shown = before.frame.toArrow()["customer_id"].to_pylist()
        people = sorted(built.frame(TABLE)["customer_id"])
        assert before.subjects == len(people) == len(set(shown))
        assert all(name.startswith("p_") for name in shown)
        later = built.context.agreed.moment
        agree(built, people[0], "analytics", "withdrawn", effective_at=later, recorded_at=later)
        assert gate.read(TABLE, "analyst", "analytics").subjects == len(people) - 1
        assert gate.read(TABLE, "steward", "quality_assurance").subjects == len(people)
        assert (
            gate.read("bronze/crm_customer", "steward", "quality_assurance").plan.left_out["name"] == "names the person"
        )
        with pytest.raises(AccessRefused):
            gate.read(TABLE, "analyst", "marketing")
        told = [(entry.purpose, entry.outcome, entry.subjects) for _, entry in log.entries()]
        assert told[:2] == [("analytics", "allowed", len(people)), ("analytics", "allowed", len(people) - 1)]
        assert told[-1] == ("marketing", "refused", None)
        assert log.verify() == []
        assert people[0] not in str(list(log.entries()))
