from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from installation.contract.document import Contract
from installation.settings import Settings
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.run import exit_code
from pipelines.defs.build import build_definitions
from pipelines.errors import IngestError
from pipelines.ingest.lock import run_lock
from pipelines.orchestration.instance import JOB, fail_orphaned_runs, newest_run, open_instance
from pipelines.orchestration.metadata import asset_key
from pipelines.quality.metric import TABLE as TREND
from tests.pipelines.dagster_market import TABLES, Refresh, installation_of

DOCS = "quality/data_docs"


def _version(settings: Settings, table: str) -> int:
    return DeltaTable(f"{settings.lakehouse_root}/{table}").version()


def _versions(settings: Settings) -> dict[str, int]:
    return {table: _version(settings, table) for table in TABLES}


def break_region(settings: Settings) -> DeltaTable:
    """Append a row without its required columns to bronze/region, and return the table as it was before."""
    region = DeltaTable(f"{settings.lakehouse_root}/bronze/region")
    row = pa.Table.from_pylist([{"dong": "nowhere"}], schema=pa.schema(region.schema().to_arrow()))
    write_deltalake(f"{settings.lakehouse_root}/bronze/region", row, mode="append")
    return region


@pytest.mark.parametrize("engine", ["sail", pytest.param("spark", marks=pytest.mark.spark)])
def test_a_second_run_writes_no_table_and_finds_the_same_rules_kept(
    run: Refresh, settings: Settings, engine: str
) -> None:
    first = run(engine)
    assert first.error is None
    assert {turn.table for turn in first.turns.values()} == set(TABLES)
    assert all(turn.is_finished and not turn.is_up_to_date for turn in first.turns.values())
    assert all((turn.rows or 0) > 0 and turn.rules_passed for turn in first.turns.values())
    versions = _versions(settings)
    second = run(engine)
    assert all(turn.is_finished and turn.is_up_to_date for turn in second.turns.values())
    assert _versions(settings) == versions
    figures = [(turn.rules_passed, turn.rules_warned, turn.rows) for turn in first.turns.values()]
    assert figures == [(turn.rules_passed, turn.rules_warned, turn.rows) for turn in second.turns.values()]


@pytest.mark.usefixtures("after_first_run")
def test_a_broken_table_blocks_the_tables_made_from_it_until_it_is_repaired(run: Refresh, settings: Settings) -> None:
    calendar = _version(settings, "silver/calendar")
    sound = break_region(settings).version()
    for _ in range(2):  # the second run remembers the result and does not check again
        broken = {turn.table: turn for turn in run().turns.values()}
        assert broken["bronze/region"].rules_failed > 0
        assert any("never null" in text for text in broken["bronze/region"].broken_checks)
        assert not broken["silver/calendar"].is_started
        assert _version(settings, "silver/calendar") == calendar
    DeltaTable(f"{settings.lakehouse_root}/bronze/region").restore(sound)
    assert all(turn.is_finished for turn in run().turns.values())


@pytest.mark.usefixtures("after_first_run")
def test_findings_of_a_halted_run_are_in_the_trend_and_the_docs_once(run: Refresh, settings: Settings) -> None:
    break_region(settings)
    run()
    page = settings.quality_site_dir / "index.html"
    assert "bronze/region" in page.read_text("utf-8")
    trend = DeltaTable(f"{settings.lakehouse_root}/gold/quality_metric").to_pyarrow_table()
    failed = {(row["table_name"], row["severity"]) for row in trend.to_pylist() if row["passed"] is False}
    assert ("bronze/region", "error") in failed
    assert len(set(trend["load_id"].to_pylist())) == 2
    run()  # the same state again: nothing is measured
    assert DeltaTable(f"{settings.lakehouse_root}/gold/quality_metric").to_pyarrow_table().num_rows == trend.num_rows


@pytest.mark.usefixtures("after_first_run")
def test_a_new_file_refreshes_the_tables_that_depend_on_it_and_no_others(
    run: Refresh, settings: Settings, market: Path
) -> None:
    before = _versions(settings)
    land_late_weather(settings, market)
    turns = {turn.table: turn for turn in run().turns.values()}
    after = _versions(settings)
    assert (turns["bronze/weather"].rows_added, turns["bronze/weather"].is_up_to_date) == (1, False)
    assert after["silver/calendar"] > before["silver/calendar"]
    assert after["bronze/region"] == before["bronze/region"]


def land_late_weather(settings: Settings, market: Path, day: str = "2018-03-01") -> None:
    """Land a file with one observation of a day that no file has had."""
    first = next((market / "weather").glob("*.csv")).read_text("utf-8-sig").splitlines()
    late = first[1].split(",")
    header = first[0].split(",")
    late[header.index("observed_on")] = day
    (settings.landing_dir / "weather" / f"{day}.csv").write_text(f"{first[0]}\n{','.join(late)}\n", "utf-8")


def land_cut_file(settings: Settings) -> Path:
    """Land the first kilobyte of a Parquet file, which no reader can read."""
    lines = next((settings.landing_dir / "cj_transactions").glob("*.parquet"))
    path = lines.parent / "cut.parquet"
    path.write_bytes(lines.read_bytes()[:1000])
    return path


def landing_checks(settings: Settings, source: str) -> dg.AssetCheckEvaluation:
    """Return the newest result of the check of a source's landed files."""
    with open_instance(settings) as instance:
        key = dg.AssetCheckKey(asset_key(f"bronze/{source}"), "landed_files")
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
        assert found.event is not None
        assert found.event.dagster_event is not None
        return found.event.dagster_event.asset_check_evaluation_data


def run_states(settings: Settings) -> list[str]:
    """Return the states of the recorded runs, the newest first."""
    with open_instance(settings) as instance:
        return [run.status.value for run in instance.get_runs()]


@pytest.mark.usefixtures("after_first_run")
def test_a_refused_file_fails_the_run_and_its_check_every_time_and_all_other_tables_finish(
    run: Refresh, settings: Settings
) -> None:
    path = land_cut_file(settings)
    for _ in range(2):
        progress = run(tables=[*TABLES, TREND, DOCS])
        turn = progress.turns["bronze__cj_transactions"]
        assert turn.files_refused == 1
        assert "cut.parquet: refused: " in turn.faults[0]
        assert progress.error is None
        assert all(turn.is_finished for turn in progress.turns.values())
        assert set(progress.turns) >= {"silver__calendar", "gold__quality_metric", "quality__data_docs"}
        assert exit_code(progress) == ExitCode.QUALITY
        check = landing_checks(settings, "cj_transactions")
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert "cut.parquet" in str(check.metadata["found"].value)
    path.unlink()
    assert exit_code(run()) == ExitCode.OK
    assert landing_checks(settings, "cj_transactions").passed
    assert run_states(settings) == ["SUCCESS", "FAILURE", "FAILURE", "SUCCESS"]


@pytest.mark.usefixtures("after_first_run")
def test_too_many_quarantined_rows_fail_the_run_and_few_are_a_warning(run: Refresh, settings: Settings) -> None:
    land_late_weather(settings, settings.landing_dir)
    path = next((settings.landing_dir / "weather").glob("2018-03-01.csv"))
    header, line = path.read_text("utf-8").splitlines()
    sound = [
        line.replace("2018-03-01", f"2018-{month:02d}-{day:02d}") for month in range(3, 12) for day in range(1, 29)
    ]
    broken = [line.replace("2018-03-01", "one day")]
    path.write_text("\n".join([header, *sound, *broken]) + "\n", "utf-8")  # 1 of 253: 0.4 %
    progress = run()
    assert exit_code(progress) == ExitCode.OK
    (note,) = progress.turns["bronze__weather"].notes
    assert "1 of 253 rows (0.395 %) are in quarantine. 2018-03-01.csv, line 254: " in note
    check = landing_checks(settings, "weather")
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    path.with_name("more.csv").write_text("\n".join([header, *(line.replace("2018-03-01", "x") for _ in "ab")]) + "\n")
    progress = run()
    assert exit_code(progress) == ExitCode.QUALITY
    assert "more than the 1 % of quarantineLimit" in progress.turns["bronze__weather"].faults[0]
    assert run_states(settings)[:2] == ["FAILURE", "SUCCESS"]
    assert progress.turns["silver__calendar"].is_finished


@pytest.mark.usefixtures("after_first_run")
def test_the_trend_and_the_docs_are_built_although_a_source_cannot_be_loaded(
    run: Refresh, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(contract: Contract, *_: object) -> None:
        raise IngestError("The disk is broken.", contract.name)

    land_late_weather(settings, settings.landing_dir)
    monkeypatch.setattr("pipelines.defs.asset.ingest_source", fail)
    turns = run(tables=[*TABLES, TREND, DOCS]).turns
    assert turns["bronze__weather"].error == "The disk is broken."
    assert not turns["silver__calendar"].is_started
    assert turns["gold__quality_metric"].is_finished
    assert turns["quality__data_docs"].is_finished


def test_a_run_in_a_locked_data_folder_ends_with_a_message_of_one_line(run: Refresh, settings: Settings) -> None:
    with run_lock(settings.data_dir):
        progress = run()
    assert progress.error_kind == "RunLockError"
    assert "\n" not in (progress.error or "\n")
    assert not any(turn.is_started for turn in progress.turns.values())


def test_the_run_of_a_killed_process_is_marked_failed_by_the_next_run(settings: Settings) -> None:
    with open_instance(settings) as instance:
        job = build_definitions(installation_of(settings)).resolve_job_def(JOB)
        dead = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        living = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        fail_orphaned_runs(instance, living.run_id)
        states = {one.run_id: one.status for one in instance.get_runs()}
        assert states == {dead.run_id: dg.DagsterRunStatus.FAILURE, living.run_id: dg.DagsterRunStatus.STARTED}


@pytest.mark.usefixtures("after_first_run")
def test_a_finished_run_is_in_dagsters_record_with_the_metadata_of_its_tables(settings: Settings) -> None:
    with open_instance(settings) as instance:
        newest = newest_run(instance, is_locked=False)
        event = instance.get_latest_materialization_event(asset_key("silver/calendar"))
    assert newest is not None
    assert newest["state"] == "success"
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["dagster/row_count"].value == sum(
        DeltaTable(f"{settings.lakehouse_root}/silver/calendar")
        .get_add_actions(flatten=True)["num_records"]
        .to_pylist()
    )
    assert "![chart](data:image/png;base64," in str(metadata["plot"].value)
    lineage = metadata["dagster/column_lineage"].value.deps_by_column
    assert {"/".join(dep.asset_key.path) for dep in lineage["sido"]} >= {"bronze/weather"}


@pytest.mark.usefixtures("after_first_run")
def test_a_run_of_the_command_line_belongs_to_the_code_location_that_the_ui_shows(settings: Settings) -> None:
    with open_instance(settings) as instance:
        (record,) = instance.get_run_records()
    origin = record.dagster_run.remote_job_origin
    assert origin is not None
    assert origin.repository_origin.get_label() == "__repository__@pipelines.definitions"
    assert origin.job_name == record.dagster_run.job_name == "refresh"
    assert instance_runs_by_label(settings, "__repository__@pipelines.definitions") == [record.dagster_run.run_id]
    assert instance_runs_by_label(settings, "__repository__@elsewhere") == []


def instance_runs_by_label(settings: Settings, label: str) -> list[str]:
    """Return the runs that the UI lists under a repository: it looks for them by this tag."""
    with open_instance(settings) as instance:
        return [run.run_id for run in instance.get_runs(dg.RunsFilter(tags={".dagster/repository": label}))]
