"""Each alert and each remedy of the doctor has its runbook, and the failures are made, found, repaired and over."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from features.rollout.service import Rollouts
from installation.collector.append_log import AppendLog
from installation.collector.place import segment_folder
from installation.collector.segment import sealed_segments
from installation.contract.document import load_contracts
from installation.installation import Installation
from installation.settings import Settings, load_settings
from pipelines.collection.backlog import LARGEST_LAG_MESSAGES, Backlog
from pipelines.collection.micro_batch import load_segments
from pipelines.doctor.examination import Finding, Outcome, run_examinations
from pipelines.doctor.machine import of_machine
from pipelines.doctor.store import of_stores
from pipelines.operation.alert import AlertKind, find_alerts
from pipelines.operation.state import OperationState, RunFacts
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.run_facts import run_facts
from pipelines.orchestration.watch import look, observe
from privacy.audit import AuditEntry
from privacy.consent.state import State
from tests.features.rollout.rollout_shop import CANARY, KIM, NEW, OLD, SUBJECT
from tests.features.rollout.rollout_shop import document as rollout_document
from tests.markdown import ROOT, Document
from tests.privacy.consent.test_store import record

RUNBOOKS = Document(ROOT / "docs" / "operate" / "runbooks.md")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
EVENT = (
    b'{"messageId": "m1", "type": "track", "event": "x", "visitorId": "a", "timestamp": "2026-01-01T00:00:00Z", '
    b'"receivedAt": "2026-01-01T00:00:00Z"}'
)


def no_runs() -> RunFacts:
    return RunFacts()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with secrets, an audit log and a consent record."""
    made = load_settings(
        data_dir=tmp_path / "data", secret_dir=tmp_path / "secret",
        alerts={"file": tmp_path / "alert.jsonl", "disk_free_percent": 0},
    )  # fmt: skip
    with Installation(made) as installation:
        _ = installation.tokenizer
        installation.audit_log.append(AuditEntry(at=NOW, who="w", role="r", purpose="p", action="read", table="t"))
        installation.consent_store.append([record("s_1", State.REFUSED)])
    return made


def doctor(settings: Settings) -> dict[str, Finding]:
    with Installation(settings) as installation:
        examinations = [*of_machine(settings), *of_stores(installation)]
        return {finding.subject: finding for finding in run_examinations(examinations)}


def failures(settings: Settings) -> dict[str, Finding]:
    return {name: found for name, found in doctor(settings).items() if found.outcome is Outcome.FAILED}


def alerts(settings: Settings, facts: Callable[[], RunFacts] = no_runs) -> set[str]:
    """Look once as the sensor does; return the kinds and objects of the alerts that hold."""
    with Installation(settings) as installation:
        return {alert.key for alert in look(installation, facts).alerts}


def test_tables_without_an_owner_are_not_taken_for_an_empty_lakehouse(settings: Settings) -> None:
    assert "has no tables yet" in doctor(settings)["lakehouse"].text
    with Installation(settings) as installation:
        installation.lakehouse.append_rows("silver/calendar", pa.table({"calendar_date": ["2026-01-01"]}))
    assert "has 1 tables of a version that noted no owner" in doctor(settings)["lakehouse"].text


def test_every_alert_has_a_section() -> None:
    assert {kind.value for kind in AlertKind} <= RUNBOOKS.anchors


def test_every_remedy_leads_to_a_section() -> None:
    code = [*(ROOT / "pipelines").glob("doctor/*.py"), *(ROOT / "pipelines").glob("o*/*.py")]
    named = {name for file in code for name in re.findall(r"runbooks\.md#(\w+)", file.read_text())}
    assert len(named) > 3
    assert named <= RUNBOOKS.anchors


def test_a_sound_installation_has_no_alert_and_a_look_changes_nothing_else(settings: Settings) -> None:
    def files() -> set[str]:
        return {str(path) for path in settings.data_dir.parent.rglob("*") if path.is_file()}

    before = files()
    assert failures(settings) == {}
    assert alerts(settings) == set()
    new = {Path(path).name for path in files() - before}
    assert new <= {"alerts.json", "bojagi.prom", ".lock"}


@pytest.mark.parametrize("name", ["token.key", "audit.key"])
def test_secret_missing(settings: Settings, tmp_path: Path, name: str) -> None:
    shutil.move(settings.secret_dir / name, tmp_path / name)
    found = failures(settings)
    assert "keys" in found
    assert all("missing" in one.text for one in found.values())
    assert not (settings.secret_dir / name).exists(), "the doctor has made a new key"
    shutil.move(tmp_path / name, settings.secret_dir / name)
    assert failures(settings) == {}


def test_all_secrets_missing(settings: Settings, tmp_path: Path) -> None:
    shutil.move(settings.secret_dir, tmp_path / "lost")
    found = failures(settings)
    assert {"secret folder", "keys", "store audit"} <= set(found)
    assert "is missing, and" in found["secret folder"].text
    assert not settings.secret_dir.exists() or not any(path.suffix == ".key" for path in settings.secret_dir.iterdir())
    shutil.rmtree(settings.secret_dir, ignore_errors=True)
    shutil.move(tmp_path / "lost", settings.secret_dir)
    assert failures(settings) == {}


def test_store_damaged(settings: Settings, tmp_path: Path) -> None:
    file = settings.data_dir / "audit" / "audit.db"
    shutil.copy(file, tmp_path / "backup.db")
    file.write_bytes(file.read_bytes()[:4096] + b"x" * (file.stat().st_size - 4096))
    assert set(failures(settings)) == {"store audit"}
    file.unlink()
    assert set(failures(settings)) == {"store audit"}, "a store that was deleted is not a new one"
    shutil.copy(tmp_path / "backup.db", file)
    assert failures(settings) == {}


def test_secrets_that_others_may_read(settings: Settings) -> None:
    (settings.secret_dir / "audit.key").chmod(0o644)
    assert "audit.key" in failures(settings)["secret folder"].text
    (settings.secret_dir / "audit.key").chmod(0o600)
    assert failures(settings) == {}


def test_clock_wrong(settings: Settings) -> None:
    file = settings.data_dir / "token.check"
    os.utime(file, (time.time() + 3600,) * 2)
    assert set(failures(settings)) == {"clock"}
    os.utime(file)
    assert failures(settings) == {}


def test_disk_nearly_full(settings: Settings) -> None:
    full = settings.model_copy(update={"alerts": settings.alerts.model_copy(update={"disk_free_percent": 100.0})})
    assert alerts(full) == {"disk_nearly_full/data folder"}
    assert alerts(settings) == set()
    lines = (settings.data_dir.parent / "alert.jsonl").read_text().splitlines()
    assert ['"state": "firing"' in line for line in lines] == [True, False]


def test_rolled_back(settings: Settings) -> None:
    with Installation(settings, lambda: NOW) as installation:
        rollouts = Rollouts(installation)
        rollouts.create(rollout_document(CANARY), KIM)
        rollouts.record(SUBJECT, OLD, 800, 8)
        rollouts.record(SUBJECT, NEW, 200, 100)
        rollouts.close()
    with Installation(settings, lambda: NOW + timedelta(minutes=11)) as installation:
        Rollouts(installation).judge()
    assert alerts(settings) == {"rolled_back/hybrid_3"}
    with Installation(settings) as installation:
        Rollouts(installation).stop("hybrid_3", "seen", KIM)
    assert alerts(settings) == set()


def test_rollout_held(settings: Settings) -> None:
    with Installation(settings, lambda: NOW) as installation:
        Rollouts(installation).create(rollout_document(CANARY), KIM)
    assert alerts(settings) == {"rollout_held/hybrid_3"}
    with Installation(settings) as installation:
        Rollouts(installation).stop("hybrid_3", "seen", KIM)
    assert alerts(settings) == set()


def test_not_observed(settings: Settings) -> None:
    file = settings.data_dir / "consent" / "consent.db"
    content = file.read_bytes()
    file.write_bytes(b"x" * len(content))
    assert alerts(settings) == {"not_observed/consents"}
    assert 'bojagi_unobserved{part="consents"} 1.0' in (settings.data_dir / "metric" / "bojagi.prom").read_text()
    file.write_bytes(content)
    assert alerts(settings) == set()


def test_alert_not_delivered(settings: Settings) -> None:
    file = settings.data_dir.parent / "alert.jsonl"
    file.mkdir()
    full = settings.model_copy(update={"alerts": settings.alerts.model_copy(update={"disk_free_percent": 100.0})})
    at = [NOW]
    with Installation(full, lambda: at[0]) as installation:
        assert look(installation, no_runs).failed_channels == ("file",)
        file.rmdir()
        assert look(installation, no_runs).sent == 0, "it is due again after a minute"
        at[0] += timedelta(minutes=1)
        assert look(installation, no_runs).sent == 1


@dataclass(frozen=True)
class Dagster:
    """A record of runs, and a job that fails as long as it is told to."""

    instance: dg.DagsterInstance
    fails: list[bool]

    def run(self, job: str = "refresh") -> None:
        @dg.op
        def step() -> None:
            if self.fails:
                raise ValueError("row of kim@example.com")

        made = dg.JobDefinition(name=job, graph_def=dg.GraphDefinition(name=job, node_defs=[step]))
        made.execute_in_process(instance=self.instance, raise_on_error=False)

    def facts(self) -> RunFacts:
        return run_facts(self.instance, load_contracts(), is_locked=False)


@pytest.fixture
def dagster(tmp_path: Path) -> Iterator[Dagster]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        yield Dagster(instance, [])


def test_run_failed(settings: Settings, dagster: Dagster) -> None:
    dagster.fails.append(True)
    dagster.run()
    dagster.run("other")
    assert alerts(settings, dagster.facts) == {"run_failed/refresh", "run_failed/other"}
    assert "ValueError" in (settings.data_dir.parent / "alert.jsonl").read_text()
    assert "kim" not in (settings.data_dir.parent / "alert.jsonl").read_text()
    dagster.fails.clear()
    dagster.run()
    assert alerts(settings, dagster.facts) == {"run_failed/other"}
    (run,) = [one for one in dagster.facts().runs if one.job == "refresh"]
    assert (run.state, run.counts) == ("success", {"failure": 1, "success": 1})


def test_data_late(settings: Settings, dagster: Dagster) -> None:
    late = next(one for one in load_contracts().sources if one.freshness_hours)
    assert late.freshness_hours is not None
    dagster.instance.report_runless_asset_event(dg.AssetMaterialization(asset_key(late.table)))
    hours = timedelta(hours=late.freshness_hours)

    def after(passed: timedelta) -> set[str]:
        with Installation(settings, lambda: datetime.now(UTC) + passed) as installation:
            state = observe(installation, dagster.facts)
            return {alert.key for alert in find_alerts(state, settings.alerts)}

    assert after(hours - timedelta(minutes=5)) == set()
    assert after(hours + timedelta(minutes=5)) == {f"data_late/{late.table}"}


def test_a_load_beside_the_runs_makes_a_source_fresh(settings: Settings, dagster: Dagster) -> None:
    with Installation(settings) as installation:
        contract = installation.contracts["source.tracked_event"]
        dagster.instance.report_runless_asset_event(dg.AssetMaterialization(asset_key(contract.table)))
        ran_at = dagster.facts().written[contract.table].at
        with closing(AppendLog(segment_folder(contract, settings))) as log:
            log.append([EVENT]).result()
        load_segments(installation, contract)
        assert observe(installation, dagster.facts).facts.written[contract.table].at > ran_at
        assert observe(installation, no_runs).facts.written.keys() == {contract.table}


def test_collection_late(settings: Settings) -> None:
    with Installation(settings) as installation:
        contract = installation.contracts["source.tracked_event"]
        with closing(AppendLog(segment_folder(contract, settings))) as log:
            log.append([b"{}"]).result()
    assert alerts(settings) == set()
    (segment,) = sealed_segments(segment_folder(contract, settings))
    segment.rename(segment.with_name(f"segment-{time.time_ns() - 61 * 10**9:020d}-0.jsonl"))
    assert alerts(settings) == {"collection_late/tracked_event"}
    with Installation(settings) as installation:
        load_segments(installation, contract)
    assert alerts(settings) == set()


def test_what_waits_is_in_the_alert_without_the_text_of_a_fault(settings: Settings) -> None:
    with Installation(settings) as installation, closing(installation):
        state = observe(installation, no_runs)
    late = (
        Backlog("bus", "topic", fault="the topic of kim@shop.example cannot be read"),
        Backlog("order", "topic", messages=LARGEST_LAG_MESSAGES + 1),
        Backlog("visit", "topic", messages=LARGEST_LAG_MESSAGES),
    )
    found = {alert.about: alert.summary for alert in find_alerts(replace(state, backlogs=late), settings.alerts)}
    assert found == {"bus": "What waits in the topic cannot be read.", "order": "100,001 messages wait to be loaded."}


def test_overdue_requests_old_statements_and_broken_rules_are_alerts(settings: Settings) -> None:
    with Installation(settings) as installation, closing(installation):
        state: OperationState = observe(installation, no_runs)
    quality: Any = type("Quality", (), {"blocking": (1, 2)})
    table: Any = type("Table", (), {"table": "silver/customer", "record": type("Record", (), {"quality": quality})})
    bad = replace(state, requests={"overdue": 1}, unread_days=(6, 7, 30), tables=(table,))
    found = {alert.kind: alert.summary for alert in find_alerts(bad, settings.alerts)}
    assert set(found) == {AlertKind.REQUEST_OVERDUE, AlertKind.CONSENT_UNREAD, AlertKind.CHECKS_FAILED}
    assert found[AlertKind.CONSENT_UNREAD].startswith("2 statements")
    assert found[AlertKind.CHECKS_FAILED].startswith("2 rules")
