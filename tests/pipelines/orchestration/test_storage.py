import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from pipelines.orchestration.storage import OPEN_SHARDS, OpenEventLog

DAYS = dg.DailyPartitionsDefinition("2017-01-01", end_date="2017-02-01")
CONFIG = """
storage:
  custom:
    module: pipelines.orchestration.storage
    class: OpenSqliteStorage
    config:
      base_dir: {folder}
telemetry:
  enabled: false
"""


@dg.asset(
    partitions_def=DAYS,
    check_specs=[dg.AssetCheckSpec("holds", asset="event")],
)
def event():  # type: ignore[no-untyped-def]  # Dagster takes an annotation for the type of the checks too
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="holds", passed=True)])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text(CONFIG.format(folder=tmp_path))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def _run(instance: dg.DagsterInstance, last: int = 30) -> dg.ExecuteInProcessResult:
    days = DAYS.get_partition_keys()[: last + 1]
    tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]}
    return dg.materialize([event], instance=instance, tags=tags)


def test_dagster_yaml_selects_the_storage_with_open_connections(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.event_log_storage, OpenEventLog)


def test_dagsters_own_storage_reads_the_stored_events(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    result = _run(instance)
    plain = SqliteEventLogStorage(str(tmp_path / "history" / "runs"))
    stored = [entry.dagster_event for entry in plain.get_logs_for_run(result.run_id) if entry.dagster_event]
    kinds = [event.event_type_value for event in stored]
    assert kinds.count("ASSET_MATERIALIZATION") == 31
    assert kinds.count("ASSET_CHECK_EVALUATION") == 1
    assert kinds[-1] == "PIPELINE_SUCCESS"
    assert plain.get_materialized_partitions(event.key) == set(DAYS.get_partition_keys())


def test_a_batch_of_materialisations_reads_like_single_ones(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(instance)
    single = instance.get_materialized_partitions(event.key)
    instance.wipe_assets([event.key])
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "100")
    _run(instance)
    assert instance.get_materialized_partitions(event.key) == single
    assert instance.get_latest_materialization_event(event.key) is not None


def test_at_most_eight_run_logs_stay_open(instance: dg.DagsterInstance) -> None:
    log = instance.event_log_storage
    assert isinstance(log, OpenEventLog)
    for _ in range(OPEN_SHARDS + 2):
        _run(instance, last=0)
    assert len(log._engines) <= OPEN_SHARDS


def test_no_write_ahead_log_is_left_after_closing(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(CONFIG.format(folder=tmp_path))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        result = _run(instance)
    shard = tmp_path / "history" / "runs" / f"{result.run_id}.db"
    assert not shard.with_name(shard.name + "-wal").exists()
    with sqlite3.connect(shard) as connection:
        assert connection.execute("SELECT count(*) FROM event_logs").fetchone()[0] > 31
