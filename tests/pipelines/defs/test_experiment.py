"""The report asset says what the service says about each running experiment, and needs none."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import cast

import dagster as dg
import pytest

from features.experiment.store import FILE
from pipelines.defs.experiment import REPORT, experiment_asset
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from privacy.consent.state import State
from tests.features.experiment.experiment_shop import ANALYST, EVERYBODY, ExperimentShop, document, figures
from tests.features.retrieval.feature_shop import NOON


class RunOf:
    """The part of a run that the asset uses."""

    def __init__(self, shop: ExperimentShop) -> None:
        self.installation = shop.installation


def reported(shop: ExperimentShop) -> dict[str, dg.MetadataValue]:
    made = dg.materialize([experiment_asset()], resources={"run": cast("PipelineRun", RunOf(shop))})
    assert made.success
    events = made.get_asset_materialization_events()
    assert {event.asset_key for event in events} <= {asset_key(REPORT)}
    return {name: value for event in events for name, value in event.materialization.metadata.items()}


@pytest.fixture
def shop(tmp_path: Path) -> ExperimentShop:
    return ExperimentShop(tmp_path)


def test_each_running_experiment_is_reported(shop: ExperimentShop) -> None:
    with closing(shop):
        assert not reported(shop), "without an experiment nothing is materialised"
        assert not (shop.installation.settings.data_dir / FILE).exists()
        shop.state(EVERYBODY, State.GIVEN)
        shop.experiments.create(document(), ANALYST)
        shop.experiments.create(document(name="later", start=NOON.date() + timedelta(1)), ANALYST)
        shop.outcome(figures(shop, 2.0))
        found = reported(shop)
        assert [found[name].value for name in ("running", "without_verdict", "guardrail_broken")] == [1, 0, 0]
        assert "later" not in found
        (record,) = cast("dg.TableMetadataValue", found["basket_verdicts"]).records
        assert (record.data["Variant"], record.data["Answer"]) == ("new", "better")
        assert "400 customers take part" in str(found["basket"].value)
        entry = [one for _, one in shop.installation.audit_log.entries() if one.action == "report"][-1]
        assert (entry.who, entry.role) == ("bojagi experiment", "experiment")
