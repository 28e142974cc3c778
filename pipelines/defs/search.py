"""Declares the search index of the shopping agent: its asset, and the job and the sensor of changed content files."""

import time
from time import perf_counter
from typing import Any

import dagster as dg

from agent_serving.search.opening import open_upkeep
from agent_serving.search.upkeep import UpkeepReport
from agent_serving.search.watcher import is_engine_installed
from installation.installation import Installation
from pipelines.defs.automation import TICK_SECONDS
from pipelines.orchestration import metadata
from pipelines.orchestration.failure import RETRY, own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.orchestration.table_event import report_absent, report_table

INDEX = "search/index"
JOB_NAME = "index_content"


def search_asset() -> dg.AssetsDefinition:
    """Return the asset of the search index, which every refresh brings up to date."""

    @dg.asset(
        key=asset_key(INDEX),
        group_name="search",
        kinds={"tantivy"},
        description="What the shopping agent searches, from the content files. A run indexes the files that changed.",
        op_tags={"dagster/priority": "-1"},
        retry_policy=RETRY,
    )
    def index(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        started = perf_counter()
        if not run.settings.content_dir.is_dir():
            return report_absent(context, "There is no content folder.")
        if not is_engine_installed(run.settings):
            return report_absent(context, "The package tantivy is not installed.")
        with own_errors_are_final():
            report = _update(run.installation)
        found = {**_metadata(report), metadata.SECONDS: round(perf_counter() - started, 3)}
        return report_table(context, found, is_current=not report.indexed and not report.removed)

    return index


def index_job(installation: Installation) -> dg.JobDefinition:
    """Return the job of changed content files. It needs neither the engine nor the lock of the data folder."""

    @dg.op(description="Indexes the content files that changed.")
    def update_index(context: dg.OpExecutionContext) -> None:
        with own_errors_are_final(), installation:
            found = _metadata(_update(installation))
        context.log_event(dg.AssetMaterialization(asset_key(INDEX), metadata=found))

    @dg.job(
        name=JOB_NAME,
        description="Index the content files that changed, so that the shopping agent finds what they say.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        update_index()

    return job


def content_sensor(job: dg.JobDefinition, installation: Installation) -> dg.SensorDefinition:
    """Return the sensor of the content folder, for an installation whose server does not run.

    The queue of content files knows what is indexed, so the sensor needs no cursor.
    """
    settings = installation.settings

    @dg.sensor(
        name="content",
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Index content files that are new, have changed or were deleted.",
    )
    def content(_: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not settings.content_dir.is_dir() or not is_engine_installed(settings):
            return dg.SkipReason(f"{settings.content_dir} does not exist, or the package tantivy is not installed.")
        with installation, open_upkeep(installation) as upkeep:
            upkeep.notice()
            if not upkeep.queue.due(time.time()):
                return dg.SkipReason("Every content file is indexed or was given up.")
        return dg.SensorResult(run_requests=[dg.RunRequest()])

    return content


def _update(installation: Installation) -> UpkeepReport:
    with open_upkeep(installation) as upkeep:
        return upkeep.run()


def _metadata(report: UpkeepReport) -> dict[str, Any]:
    return {
        "files_indexed": report.indexed,
        "files_removed": report.removed,
        "documents_written": report.documents,
        "files_waiting": report.waiting,
        metadata.NOTES: [one.error for one in report.dead],
    }
