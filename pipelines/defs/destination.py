"""Declares the job and the schedule that send changes of profiles and audiences, if the settings name destinations."""

import dagster as dg

from features.destination.errors import DestinationError
from features.destination.sending import send_changes
from installation.installation import Installation
from pipelines.orchestration.failure import own_errors_are_final

JOB_NAME = "send_to_destinations"


def destination_job(installation: Installation) -> dg.JobDefinition:
    """Return the job, with a step for each destination.

    It needs neither the engine nor the lock of the data folder, so a withdrawal reaches the destinations beside a run.
    """
    steps = [_step(installation, name) for name in sorted(installation.settings.destinations)]

    @dg.job(
        name=JOB_NAME,
        description="Send changes of profiles and audiences to the destinations of the settings.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        for step in steps:
            step()

    return job


def _step(installation: Installation, name: str) -> dg.OpDefinition:
    @dg.op(name=name, description=f"Sends what has changed to {name}. Fails if it does not take all.")
    def send(context: dg.OpExecutionContext) -> None:
        with own_errors_are_final(), Installation(installation.settings, installation.clock) as own:
            report = send_changes(own, name)
            context.log.info(
                f"{report.changed} changed, {report.removed} removed, {report.failed} failed, {report.dead} set aside"
            )
            if report.fault or report.failed:
                raise DestinationError(f"{name}: {report.failed} events were not taken. {report.fault}".rstrip())

    return send


def destination_schedule(job: dg.JobDefinition, time_zone: str) -> dg.ScheduleDefinition:
    """Return the schedule of the job: every hour, in the shop's time zone."""
    return dg.ScheduleDefinition(
        name="hourly_destinations",
        job=job,
        cron_schedule="15 * * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Send changes to the destinations every hour in {time_zone}.",
    )
