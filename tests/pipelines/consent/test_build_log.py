"""BuildLog on a real audit log: a build is logged once for each state of the table, and again after a killed run."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.consent.build_log import BuildLog
from pipelines.consent.proof import Proof
from privacy.audit import AuditEntry, AuditLog
from privacy.consent.policy import built_in_policy
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView
from privacy.contract.column import Column
from privacy.contract.document import Document

CONTRACT = Document("gold.spend", "spend", "gold", "1", (Column("customer_id", "", "", "", ""),), built_for="analytics")
HOLDS = Proof("gold/spend", "analytics", 3, 0)


@dataclass
class Folder:
    """A data folder with one gold table, its audit log and its consent store."""

    path: Path

    def __post_init__(self) -> None:
        self.lakehouse = Lakehouse(str(self.path))
        self.rewrite()

    def rewrite(self) -> None:
        self.lakehouse.overwrite_rows(CONTRACT.table, pa.table({"customer_id": ["c_1"]}))

    def log(self) -> AuditLog:
        return AuditLog(self.path / "audit.db", self.path / "anchor", bytes(32))

    def view(self) -> ConsentView:
        policy = built_in_policy()
        return ConsentView(
            lambda: ConsentStore(self.path / "consent.db", policy.taxonomy), policy, "Shop", datetime(2026, 1, 1)
        )

    def log_build(self, build_log: BuildLog, proof: Proof = HOLDS) -> bool:
        return build_log.log_build(CONTRACT, proof, self.lakehouse, self.view())

    def entries(self) -> list[AuditEntry]:
        with closing(self.log()) as log:
            return [entry for _, entry in log.entries()]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_state_of_a_table_is_logged_once_over_runs_and_a_new_state_again(folder: Folder) -> None:
    for run, expected in (("r1", [True, False]), ("r2", [False, False])):
        build_log = BuildLog(folder.log, run)
        assert [folder.log_build(build_log) for _ in range(2)] == expected
        build_log.close()
    folder.rewrite()
    assert folder.log_build(BuildLog(folder.log, "r3"))
    assert [entry.reason for entry in folder.entries()] == ["run r1, version 0", "run r3, version 1"]


def test_a_build_of_a_run_killed_before_close_is_logged_again(folder: Folder) -> None:
    assert folder.log_build(BuildLog(folder.log, "killed"))
    again = BuildLog(folder.log, "next")
    assert folder.log_build(again)
    again.close()
    assert not folder.log_build(BuildLog(folder.log, "third"))
    assert len(folder.entries()) == 2


def test_a_failed_proof_is_logged_as_failed_with_numbers_and_no_identifier(folder: Folder) -> None:
    folder.log_build(BuildLog(folder.log, "r1"), Proof("gold/spend", "analytics", 3, 1, (("diet", 2),)))
    (entry,) = folder.entries()
    assert (entry.outcome, entry.subjects, entry.purpose, entry.columns) == ("failed", 3, "analytics", ("customer_id",))
    assert "1 of 3 customers do not permit analytics; diet has values of 2 customer(s)" in str(entry.reason)
    assert "c_1" not in entry.model_dump_json()


def test_without_a_build_the_audit_log_is_not_opened(folder: Folder) -> None:
    def fail() -> AuditLog:
        raise AssertionError

    BuildLog(fail, "r1").close()
