"""The job of policies learns and judges, and records what it did."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import dagster as dg

from pipelines.defs.policy import policy_job, policy_schedule
from tests.features.policy.policy_shop import EVERYBODY, PolicyShop


def test_the_job_learns_a_version_and_judges_it(tmp_path: Path) -> None:
    with closing(PolicyShop(tmp_path / "data")) as shop, dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        shop.log(EVERYBODY, 0.6)
        shop.policies.close()
        job = policy_job(shop.installation)
        assert job.execute_in_process(instance=instance).success
        event = instance.get_latest_materialization_event(dg.AssetKey(["policy", "objective"]))
        assert event is not None
        found = event.asset_materialization
        assert found is not None
        assert (found.metadata["version"].value, found.metadata["answer"].value) == (2, "better")
        assert shop.policies.live("objective").number == 2
    assert policy_schedule(job, "Asia/Seoul").default_status is dg.DefaultScheduleStatus.STOPPED
