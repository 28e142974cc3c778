"""The check of the newest event warns about historic data without a stated date, and blocks nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from installation.contract.document import Contracts
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.defs.newest_event import newest_event_result, newest_event_spec
from pipelines.engine.session import Engine
from pipelines.orchestration.pipeline_run import PipelineRun


@pytest.mark.parametrize(("run_date", "warns"), [(None, True), (date(2017, 12, 31), False)])
def test_historic_data_gives_a_warning_unless_its_last_day_is_stated(
    tmp_path: Path, sail: Engine, contracts: Contracts, run_date: date | None, warns: bool
) -> None:
    settings = load_settings(data_dir=tmp_path, run_date=run_date)
    rows = pa.table({"event_at": pa.array([datetime(2017, 12, 30)], pa.timestamp("us"))})
    write_deltalake(f"{settings.lakehouse_root}/bronze/web_event", rows)
    with Installation(settings, lambda: datetime(2026, 11, 29, tzinfo=UTC)) as installation:
        run = PipelineRun("run", installation, sail, installation.protection)
        result = newest_event_result(contracts.table("silver/touchpoint_event"), run)
    assert result.passed is not warns
    assert result.severity is dg.AssetCheckSeverity.WARN
    assert ("set run_date = 2017-12-30" in str(result.description)) is warns
    assert result.metadata["rules_warned"].value == int(warns)
    assert result.metadata["reference_date"].value == str(run_date or "2026-11-29")


def test_only_the_event_table_has_the_check(contracts: Contracts) -> None:
    having = [contract.table for contract in contracts.values() if newest_event_spec(contract)]
    assert having == ["silver/touchpoint_event"]
