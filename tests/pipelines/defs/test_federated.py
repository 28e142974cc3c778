"""Models are trained by their own job only, after the tables that their sites read."""

import dagster as dg

from installation.settings import Settings
from pipelines.defs.build import build_definitions
from pipelines.defs.federated import model_keys
from pipelines.orchestration.metadata import asset_key
from tests.pipelines.dagster_market import installation_of


def test_the_refresh_job_trains_no_model_and_their_schedule_is_off(settings: Settings) -> None:
    definitions = build_definitions(installation_of(settings))
    assert not set(model_keys()) & definitions.resolve_job_def("refresh").asset_layer.executable_asset_keys
    job = definitions.resolve_job_def("federated_training")
    assert job.asset_layer.executable_asset_keys == set(model_keys())
    schedule = definitions.resolve_schedule_def("monthly_federated_training")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_a_model_depends_on_its_features_and_on_the_table_of_its_sites(settings: Settings) -> None:
    graph = build_definitions(installation_of(settings)).resolve_asset_graph()
    parents = {asset_key("gold/customer_purchase_window"), asset_key("gold/customer_location")}
    for key in model_keys():
        assert graph.get(key).parent_keys == parents
