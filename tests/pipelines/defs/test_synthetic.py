"""Synthetic releases are made only by their own job, and the release gate blocks."""

import dagster as dg

from installation.settings import Settings
from pipelines.defs.build import build_definitions
from pipelines.defs.synthetic import CHECK, JOB, synthetic_keys
from pipelines.orchestration.metadata import asset_key
from tests.pipelines.dagster_market import installation_of


def test_only_the_job_of_synthetic_data_makes_synthetic_releases(settings: Settings) -> None:
    definitions = build_definitions(installation_of(settings))
    for job in ("refresh", "release", "private_reports"):
        assert not definitions.resolve_job_def(job).asset_layer.executable_asset_keys & set(synthetic_keys())
    assert definitions.resolve_job_def(JOB).asset_layer.executable_asset_keys == set(synthetic_keys())
    graph = definitions.resolve_asset_graph()
    assert all(graph.get(dg.AssetCheckKey(key, CHECK)).blocking for key in synthetic_keys())
    events = graph.get(asset_key("release/synthetic_purchase_event"))
    assert events.parent_keys == {
        asset_key(name) for name in ("gold/customer_demographic", "silver/order_line", "silver/product")
    }
