"""Declares the weekly job that finds places near each branch: collect, extract and check, join and index."""

from dataclasses import asdict
from typing import Any

import dagster as dg

from agent_serving.search.opening import open_upkeep
from agent_serving.search.watcher import is_engine_installed
from installation.installation import Installation
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.places import nearby
from pipelines.places.page import FilePages

JOB_NAME = "places_nearby"
_MEMORY = "memory"


def place_job(installation: Installation) -> dg.JobDefinition:
    """Return the job. It needs neither the engine nor the lock of the data folder, so it may run beside a refresh."""
    settings = installation.settings

    @dg.op(description="Collects the pages about the surroundings of each branch.", out=dg.Out(io_manager_key=_MEMORY))
    def collect_pages(context: dg.OpExecutionContext) -> Any:
        with own_errors_are_final():
            pages = nearby.collect(nearby.branches(settings), FilePages(settings.place_page_dir))
        # Without a content folder there is no branch, and nothing to do.
        context.log.info(f"{sum(map(len, pages.values()))} pages of {len(pages)} branches")
        return pages

    @dg.op(
        description="Extracts claims by a schema, and checks each against its page, in at most three tries.",
        out=dg.Out(io_manager_key=_MEMORY),
    )
    def check_claims(context: dg.OpExecutionContext, pages: Any) -> Any:
        with own_errors_are_final():
            checked = nearby.check(pages, nearby.open_extractor(settings))
        for found in checked.values():
            for page in found:
                for fault in page.dropped:
                    context.log.warning(f"{page.page.url}: left out: {fault}")
        return checked

    @dg.op(description="Joins what several pages state, writes the content files, and indexes them.")
    def publish_places(context: dg.OpExecutionContext, pages: Any) -> None:
        with own_errors_are_final(), installation:
            reports = nearby.publish(settings, nearby.branches(settings), pages, installation.reference_date())
            if reports and is_engine_installed(settings):
                with open_upkeep(installation) as upkeep:
                    upkeep.run()
        metadata = {report.branch: dg.MetadataValue.json(asdict(report)) for report in reports}
        context.log_event(dg.AssetMaterialization(["search", "place"], metadata=metadata))

    @dg.job(
        name=JOB_NAME,
        description="Find places near each branch, and keep what their pages support.",
        executor_def=dg.in_process_executor,
        # Pages stay in memory: Dagster's storage would keep them as files.
        resource_defs={_MEMORY: dg.mem_io_manager},
    )
    def job() -> None:
        publish_places(check_claims(collect_pages()))

    return job


def place_schedule(job: dg.JobDefinition, time_zone: str) -> dg.ScheduleDefinition:
    """Return the schedule of the job: every Monday morning, in the shop's time zone."""
    return dg.ScheduleDefinition(
        name="weekly_places_nearby",
        job=job,
        cron_schedule="0 4 * * 1",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Find places near each branch on Mondays at 04:00 in {time_zone}.",
    )
