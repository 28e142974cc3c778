import subprocess
import sys
from datetime import timedelta

import dagster as dg
import pytest

# Private: the type that the public `Definitions.resolve_asset_graph` returns has no public name.
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from installation.contract.document import Contracts
from installation.settings import load_settings
from pipelines.defs.build import build_definitions
from pipelines.orchestration.metadata import asset_key
from pipelines.quality.metric import TABLE as TREND
from pipelines.release.declaration import model_releases, statistics_releases, synthetic_releases
from pipelines.unify.registry import all_tables
from tests.pipelines.dagster_market import installation_of

OTHERS = {
    "quality/data_docs",
    "maintenance/retention",
    "experiment/report",
    "consent/record",
    "consent/membership",
    "features/registry",
    "release/customer_demographic",
    "search/index",
}


@pytest.fixture(scope="module")
def definitions(contracts: Contracts, tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(installation_of(load_settings(data_dir=tmp_path_factory.mktemp("data"))))


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> AssetGraph:
    return definitions.resolve_asset_graph()


def test_every_table_and_every_feature_view_is_one_asset(graph: AssetGraph, contracts: Contracts) -> None:
    derived = all_tables(contracts)
    tables = {contract.table for contract in contracts.sources} | {table.name for table in derived} | {TREND}
    reports = {report.table for report in (*statistics_releases(), *model_releases())}
    reports |= {table for release in synthetic_releases() for table in release.tables}
    online = {f"online/{contract.name}" for contract in contracts.values() if contract.feature_view}
    assert {"/".join(key.path) for key in graph.get_all_asset_keys()} == tables | OTHERS | reports | online


def test_every_contract_has_an_asset(graph: AssetGraph, contracts: Contracts) -> None:
    declared = {asset_key(contract.table) for contract in contracts.values() if contract.layer != "release"}
    assert declared <= graph.get_all_asset_keys()


def test_assets_depend_on_the_inputs_that_the_registry_declares(graph: AssetGraph, contracts: Contracts) -> None:
    for table in all_tables(contracts):
        parents = {"/".join(key.path) for key in graph.get(asset_key(table.name)).parent_keys}
        contract = contracts.table(table.name)
        is_consented = contract.subject_key and contract.built_for not in (None, "legal_records")
        assert parents == set(table.all_inputs(contracts)) | ({"silver/permission"} if is_consented else set())


def test_every_gold_table_about_customers_has_a_blocking_check_of_consent(
    graph: AssetGraph, contracts: Contracts
) -> None:
    for contract in contracts.layer("gold"):
        checks = {key.name for key in graph.get(asset_key(contract.table)).check_keys}
        assert ("consent" in checks) == (contract.subject_key is not None), contract.table


def test_every_table_is_described_owned_and_checked(graph: AssetGraph, contracts: Contracts) -> None:
    for contract in contracts.values():
        if contract.layer == "release" or contract.table == TREND:
            continue
        node = graph.get(asset_key(contract.table))
        schema = node.metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == [column.name for column in contract.columns]
        assert node.description
        assert node.owners
        assert node.group_name == contract.table.split("/")[0]
        assert {key.name for key in node.check_keys} >= {"schema", "volume"}


def test_every_check_of_rules_blocks_the_tables_below_and_those_of_landed_files_and_old_events_do_not(
    definitions: dg.Definitions, contracts: Contracts
) -> None:
    specs = [spec for checks in definitions.asset_checks or () for spec in checks.check_specs]
    open_ones = {(spec.name, spec.asset_key) for spec in specs if not spec.blocking}
    landed = {("landed_files", asset_key(contract.table)) for contract in contracts.sources}
    lag = ("lag", asset_key("bronze/tracked_event"))
    assert open_ones == {*landed, lag, ("newest_event", asset_key("silver/touchpoint_event"))}


def test_events_are_partitioned_by_day_in_single_runs(graph: AssetGraph) -> None:
    node = graph.get(asset_key("silver/touchpoint_event"))
    assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
    assert "2017-07-01" in node.partitions_def.get_partition_keys()
    assert node.backfill_policy == dg.BackfillPolicy.single_run()


def test_the_schedule_and_the_sensor_start_the_refresh_job_in_one_process(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("refresh")
    assert job.executor_def is dg.in_process_executor
    assert definitions.get_repository_def().get_schedule_def("nightly").job_name == "refresh"
    assert definitions.get_repository_def().get_sensor_def("landing").job_name == "refresh"


def test_dagster_loads_every_job(definitions: dg.Definitions) -> None:
    # Dagster's servers load all jobs at once, which is when it finds two definitions of one name.
    jobs = {job.name for job in definitions.get_repository_def().get_all_jobs()}
    named = {"refresh", "rights_execution", "rights_deadlines", "index_content", "places_nearby", "federated_training"}
    assert named <= jobs


def test_loading_the_definitions_imports_no_heavy_package(tmp_path: object) -> None:
    code = (
        "import sys; from pipelines.definitions import defs; defs.resolve_asset_graph();"
        "print(sorted({'great_expectations', 'matplotlib', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]", "loading the definitions must stay light"


def test_schedules_run_by_the_clock_of_the_shop(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    zones = {schedule.name: schedule.execution_timezone for schedule in repository.schedule_defs}
    names = (
        "nightly", "daily_retention", "monthly_federated_training", "monthly_policies", "monthly_private_reports",
        "weekly_places_nearby", "daily_rights_deadlines", "hourly_rollouts",
    )  # fmt: skip
    assert zones == dict.fromkeys(names, "Asia/Seoul")


def test_a_table_is_stale_after_the_service_level_of_its_contract(graph: AssetGraph, contracts: Contracts) -> None:
    windows = {}
    for contract in contracts.values():
        if contract.layer == "release":
            continue
        policy = graph.get(asset_key(contract.table)).freshness_policy
        windows[contract.table] = policy.fail_window.to_timedelta() if policy else None
    assert windows["bronze/app_event"] == timedelta(days=1)
    assert windows["bronze/cj_campaigns"] == timedelta(days=7)
    levels = {
        contract.table: contract.freshness_hours for contract in contracts.values() if contract.layer != "release"
    }
    expected = {table: None if hours is None else timedelta(hours=hours) for table, hours in levels.items()}
    assert windows == expected
    assert all(windows[contract.table] for contract in contracts.sources)
