"""Declares what starts a run by itself: new files in the landing folder, and the clock in the shop's time zone.

Dagster's automation conditions do not replace the sensor and the schedules. A condition reacts to events of assets.
New files in a folder are no such event, so a sensor has to look for them in any case. All tables are then refreshed by
one job in one process, because they share one engine; a table that is current is not rebuilt. A condition on each
table would ask for the same run a second time.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import dagster as dg

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.settings import Settings
from pipelines.ingest.landing_look import look
from pipelines.orchestration.instance import JOB
from pipelines.orchestration.landing_state import LANDING_TAG, landing_state
from pipelines.release import LAYER

if TYPE_CHECKING:
    # Private: the type that the public `dg.define_asset_job` returns has no public name.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

TICK_SECONDS = 30
RETENTION_KEY = dg.AssetKey(["maintenance", "retention"])
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def refresh_job(left_out: Iterable[dg.AssetCheckKey] = ()) -> "UnresolvedAssetJobDefinition":
    """Return the job that refreshes every table except the releases. One process runs it, with one engine.

    `left_out`: checks that a sensor evaluates.
    """
    return dg.define_asset_job(
        JOB,
        # Releases are published and reports spend privacy budget, so no refresh makes them. Retention has its own job.
        selection=dg.AssetSelection.all()
        - dg.AssetSelection.assets(RETENTION_KEY)
        - dg.AssetSelection.groups(LAYER)
        - dg.AssetSelection.checks(*left_out),
        description="Load the files in the landing folder, check them, and refresh every table that depends on them.",
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": 6 * 3600},
    )


def retention_job() -> "UnresolvedAssetJobDefinition":
    """Return the job that deletes rows whose retention has ended."""
    description = "Delete the rows whose retention has ended, with every earlier version of them."
    return separate_job("retention", [RETENTION_KEY], description)


def separate_job(name: str, keys: Iterable[dg.AssetKey], description: str) -> "UnresolvedAssetJobDefinition":
    """Return a job of assets that the refresh job leaves out. One process runs it, with one engine."""
    selection = dg.AssetSelection.assets(*keys)
    return dg.define_asset_job(name, selection, description=description, executor_def=dg.in_process_executor)


def retention_schedule(job: "UnresolvedAssetJobDefinition", time_zone: str) -> dg.ScheduleDefinition:
    """Return the schedule of the retention job. It runs before the nightly refresh, which rebuilds what was affected.

    `time_zone` is the shop's, of the IANA database, as for every schedule here.
    """
    return dg.ScheduleDefinition(
        name="daily_retention",
        job=job,
        cron_schedule="0 2 * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Delete rows whose retention has ended, at 02:00 in {time_zone}.",
    )


def nightly_schedule(job: "UnresolvedAssetJobDefinition", time_zone: str) -> dg.ScheduleDefinition:
    """Return the nightly schedule of the refresh job.

    The landing sensor starts a run when files arrive. Only a run by the clock notices that none have arrived.
    """
    return dg.ScheduleDefinition(
        name="nightly",
        job=job,
        cron_schedule="0 3 * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Refresh at 03:00 in {time_zone}, so that a source without new files fails its freshness check.",
    )


def landing_sensor(
    job: "UnresolvedAssetJobDefinition", settings: Settings, contracts: Contracts
) -> dg.SensorDefinition:
    """Return the sensor that starts one run for each batch of new files in the landing folder.

    A batch is complete when the folder looks the same in two ticks, so the sensor waits for a file that is still
    being written. The first tick also counts as the first look at a file whose last line has no end. The cursor is the
    signature of the folder at the last tick. A state of the folder that any run has loaded, also one of the command
    line, starts no other run. After a failed run it starts one more.
    """

    @dg.sensor(
        name="landing",
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refresh when new files lie in the landing folder and have stopped growing.",
    )
    def landing(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        seen = landing_state(settings, contracts, with_collected=False)
        if seen is None:
            return dg.SkipReason(f"{settings.landing_root or settings.landing_dir} holds no file of any source.")
        if _is_known(context.instance, seen):
            return dg.SkipReason("No new files since the last run.")
        if seen != context.cursor:
            if settings.landing_root is None:
                lakehouse = Lakehouse(settings.lakehouse_root, settings.storage_options)
                look(settings.landing_dir, contracts.sources, lakehouse)
            return dg.SensorResult(cursor=seen, skip_reason="Waiting until the files stop changing.")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen, tags={LANDING_TAG: seen})], cursor=seen)

    return landing


def _is_known(instance: dg.DagsterInstance, seen: str) -> bool:
    """Say whether a run that has not failed started from this state of the landing folder."""
    statuses = [status for status in dg.DagsterRunStatus if status not in _FAILED]
    return bool(instance.get_run_records(dg.RunsFilter(tags={LANDING_TAG: seen}, statuses=statuses), limit=1))
