"""Releases are made only by their own job, from gold tables, and their check blocks."""

import dagster as dg

from installation.contract.document import Contracts
from installation.settings import Settings
from pipelines.defs.build import build_definitions
from pipelines.defs.release import CHECK, release_keys
from pipelines.orchestration.metadata import asset_key
from tests.pipelines.dagster_market import installation_of


def test_the_refresh_job_makes_no_release_and_the_release_job_makes_all(
    settings: Settings, contracts: Contracts
) -> None:
    definitions = build_definitions(installation_of(settings))
    refreshed = definitions.resolve_job_def("refresh").asset_layer.executable_asset_keys
    assert not refreshed & set(release_keys())
    assert definitions.resolve_job_def("release").asset_layer.executable_asset_keys == set(release_keys())


def test_the_verifier_is_a_blocking_check_of_every_release(settings: Settings) -> None:
    graph = build_definitions(installation_of(settings)).resolve_asset_graph()
    for key in release_keys():
        check = dg.AssetCheckKey(key, CHECK)
        assert graph.get(check).blocking
    assert graph.get(asset_key("release/customer_demographic")).parent_keys == {asset_key("gold/customer_demographic")}
