"""Declares the job and the schedule that publish the audit log's anchor elsewhere, if the settings name a place."""

import dagster as dg

from installation.audit_verification import publish_anchor
from installation.installation import Installation
from pipelines.orchestration.failure import own_errors_are_final

JOB_NAME = "publish_anchor"


def anchor_job(installation: Installation) -> dg.JobDefinition:
    """Return the job. It needs neither the engine nor the lock of the data folder, so it may run beside a refresh."""

    @dg.op(name=JOB_NAME, description="Verifies the audit log, then writes its anchor where it cannot be changed.")
    def publish(context: dg.OpExecutionContext) -> None:
        with own_errors_are_final(), installation:
            context.log.info(f"published {publish_anchor(installation)}")

    @dg.job(
        name=JOB_NAME,
        description="Publish the audit log's anchor in `anchor_archive`; an older copy of the machine is then found.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        publish()

    return job


def anchor_schedule(job: dg.JobDefinition, time_zone: str) -> dg.ScheduleDefinition:
    """Return the schedule of the job: every hour, in the shop's time zone."""
    return dg.ScheduleDefinition(
        name="hourly_anchor",
        job=job,
        cron_schedule="0 * * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Publish the audit log's anchor every hour in {time_zone}.",
    )
