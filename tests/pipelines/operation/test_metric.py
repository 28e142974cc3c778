"""The metrics are Prometheus' format, are documented, and leave out what was not observed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from pipelines.collection.backlog import Backlog
from pipelines.operation.metric import metrics_text
from pipelines.operation.state import BudgetLeft, OperationState, RunFacts, RunState, Written
from pipelines.orchestration.watch import write_metrics
from pipelines.quality.table_status import TableStatus
from tests.markdown import ROOT

RUN = RunState("refresh", "r", "failure", 100.0, 12.5, ("ValueError",), 50.0, {"failure": 2, "success": 1})
STATE = OperationState(
    at=datetime(2026, 3, 1, tzinfo=UTC),
    facts=RunFacts((RUN,), {"bronze/delivery": Written(90.0, 1.5)}),
    freshness_hours={"bronze/delivery": 36},
    tables=(TableStatus("bronze/delivery", 3, 1_000, 5_000, None), TableStatus("bronze/visit", None, None, None, None)),
    quarantined={"delivery": 4}, refused_files={"delivery": 1},
    budgets=(BudgetLeft("gold/order_history|analytics|customer_id", "month", 0.25, 1.0, 0.0),),
    unread_days=(3, 9), requests={"overdue": 1}, disk_free_bytes=10, disk_bytes=100, unobserved=(),
    backlogs=(Backlog("till", "log", 2, 700, None, 61.5), Backlog("sale", "topic", messages=12)),
)  # fmt: skip


def values(state: OperationState) -> dict[str, float]:
    families = text_string_to_metric_families(metrics_text(state).decode())
    return {
        f"{sample.name}{{{','.join(map(str, sample.labels.values()))}}}": sample.value
        for family in families for sample in family.samples
    }  # fmt: skip


def test_the_state_is_read_back_from_the_text() -> None:
    found = values(STATE)
    expected = {
        "bojagi_table_rows{bronze/delivery}": 1000, "bojagi_table_written_timestamp_seconds{bronze/delivery}": 90,
        "bojagi_table_freshness_limit_seconds{bronze/delivery}": 129_600, "bojagi_quarantined_rows{delivery}": 4,
        "bojagi_run_failed{refresh}": 1, "bojagi_run_seconds{refresh}": 12.5, "bojagi_runs{refresh,failure}": 2,
        "bojagi_run_success_timestamp_seconds{refresh}": 50, "bojagi_consent_unread{}": 2,
        "bojagi_consent_unread_oldest_days{}": 9, "bojagi_open_requests{overdue}": 1, "bojagi_disk_free_bytes{}": 10,
        "bojagi_budget_left_rho{gold/order_history|analytics|customer_id,month}": 0.25,
        "bojagi_collect_lag_seconds{till}": 61.5, "bojagi_collect_waiting_bytes{till}": 700,
        "bojagi_collect_waiting_messages{sale}": 12, "bojagi_collect_late{till}": 1, "bojagi_collect_late{sale}": 0,
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected
    assert not any("bronze/visit" in name for name in found)


def test_what_was_not_observed_has_no_value_and_is_named() -> None:
    found = values(replace(STATE, unobserved=("consents", "requests", "quarantine", "disk")))
    assert {name for name in found if re.match(r"bojagi_(consent|open|quarantined|refused|disk)", name)} == set()
    assert found["bojagi_unobserved{disk}"] == 1


def test_every_metric_is_documented() -> None:
    page = (ROOT / "docs" / "operate" / "observe.md").read_text()
    names = {name.partition("{")[0] for name in values(replace(STATE, unobserved=("x",)))}
    assert {name for name in names if f"`{name}`" not in page} == {"bojagi_info"}


def test_the_file_is_for_its_owner_and_group(tmp_path: Path) -> None:
    file = tmp_path / "metric" / "bojagi.prom"
    write_metrics(STATE, file)
    write_metrics(STATE, file)
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["bojagi.prom"]
