"""When a refresh starts by itself: new files in the landing folder, and once a night."""

from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipelines.config import Settings
from pipelines.contracts.document import Contracts
from pipelines.orchestration.landing_state import LANDING_TAG, landed_files, signature
from pipelines.release import LAYER

TICK_SECONDS = 30
RETENTION_KEY = dg.AssetKey(["maintenance", "retention"])
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def refresh_job() -> UnresolvedAssetJobDefinition:
    """Return the job that refreshes every table but the releases, in one process so that all share one engine."""
    return dg.define_asset_job(
        "refresh",
        # What leaves the house or spends privacy budget is never made by the way.
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets(RETENTION_KEY) - dg.AssetSelection.groups(LAYER),
        description="Load what has landed, check it, unify it, and refresh every table that depends on it.",
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": 6 * 3600},
    )


def retention_job() -> UnresolvedAssetJobDefinition:
    """Return the job that deletes what is due."""
    told = "Delete the rows whose time is over, with every earlier version of them."
    return job_apart("retention", [RETENTION_KEY], told)


def job_apart(name: str, keys: Iterable[dg.AssetKey], description: str) -> UnresolvedAssetJobDefinition:
    """Return a job of assets that no refresh makes, in one process so that all share one engine."""
    selection = dg.AssetSelection.assets(*keys)
    return dg.define_asset_job(name, selection, description=description, executor_def=dg.in_process_executor)


def retention_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule: before the nightly refresh, which then builds without what was deleted."""
    return dg.ScheduleDefinition(
        name="daily_retention",
        job=job,
        cron_schedule="0 2 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Delete what is due at 02:00.",
    )


def nightly_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule. The sensor sees files come; only a run by the clock notices that none came."""
    return dg.ScheduleDefinition(
        name="nightly",
        job=job,
        cron_schedule="0 3 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Refresh at 03:00, so that a source that has stopped coming fails its freshness check.",
    )


def landing_sensor(job: UnresolvedAssetJobDefinition, settings: Settings, contracts: Contracts) -> dg.SensorDefinition:
    """Return the sensor of the landing folder: one run for a batch of new files.

    A batch is complete when the folder looks the same in two ticks, so a file still being written waits. The
    cursor is the folder's signature at the last tick. A state of the folder that a run has seen, whoever
    started it, starts no other, unless that run failed: then it is tried once more.
    """

    @dg.sensor(
        name="landing",
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refresh when new files lie in the landing folder and have stopped growing.",
    )
    def landing(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        files = landed_files(settings.landing_dir, contracts.sources)
        if not files:
            return dg.SkipReason(f"No files in {settings.landing_dir}")
        seen = signature(files, settings.landing_dir)
        if _is_known(context.instance, seen):
            return dg.SkipReason("Nothing new since the last run")
        if seen != context.cursor:
            return dg.SensorResult(cursor=seen, skip_reason=f"{len(files)} files; waiting for them to stop changing")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen, tags={LANDING_TAG: seen})], cursor=seen)

    return landing


def _is_known(instance: dg.DagsterInstance, seen: str) -> bool:
    statuses = [status for status in dg.DagsterRunStatus if status not in _FAILED]
    return bool(instance.get_run_records(dg.RunsFilter(tags={LANDING_TAG: seen}, statuses=statuses), limit=1))
