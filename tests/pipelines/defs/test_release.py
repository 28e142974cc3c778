"""Releases are made by hand, from gold, and their check blocks."""

import dagster as dg

from installation.contract.document import Contracts
from installation.installation import Installation
from installation.settings import Settings
from pipelines.defs.build import build_definitions
from pipelines.defs.release import CHECK, release_keys
from pipelines.orchestration.metadata import asset_key


def test_a_refresh_releases_nothing(settings: Settings, contracts: Contracts) -> None:
    definitions = build_definitions(Installation(settings))
    refreshed = definitions.resolve_job_def("refresh").asset_layer.executable_asset_keys
    assert not refreshed & set(release_keys())
    assert definitions.resolve_job_def("release").asset_layer.executable_asset_keys == set(release_keys())


def test_the_verifier_blocks(settings: Settings, contracts: Contracts) -> None:
    graph = build_definitions(Installation(settings)).resolve_asset_graph()
    for key in release_keys():
        check = dg.AssetCheckKey(key, CHECK)
        assert graph.get(check).blocking
    assert graph.get(asset_key("release/customer_demographic")).parent_keys == {asset_key("gold/customer_demographic")}
