"""Declares the jobs and schedules that send changes of profiles and audiences, and write exports of audiences."""

import dagster as dg

from features.destination.errors import DestinationError
from features.destination.sending import send_changes
from installation.installation import Installation
from pipelines.orchestration.failure import own_errors_are_final

JOB_NAME, EXPORT_NAME = "send_to_destinations", "export_audiences"


def destination_jobs(installation: Installation) -> list[dg.JobDefinition]:
    """Return the job that sends changes, and the one that writes exports; each only with destinations of its kind.

    They need neither the engine nor the lock of the data folder, so a withdrawal reaches the destinations beside a run.
    """
    known = sorted(installation.settings.destinations.items())
    sent, written = ([name for name, one in known if (one.file is not None) is is_file] for is_file in (False, True))
    jobs = (
        (JOB_NAME, "Send changes of profiles and audiences to destinations.", sent),
        (EXPORT_NAME, "Write members of audiences, and those who left, into files.", written),
    )
    return [_job(installation, *job) for job in jobs if job[2]]


def _job(installation: Installation, name: str, description: str, destinations: list[str]) -> dg.JobDefinition:
    steps = [_step(installation, one) for one in destinations]

    @dg.job(
        name=name,
        description=description,
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
    """Return the schedule of a job, in the shop's time zone: changes are sent every hour, exports written every day."""
    is_export = job.name == EXPORT_NAME
    return dg.ScheduleDefinition(
        name="daily_exports" if is_export else "hourly_destinations",
        job=job,
        cron_schedule="15 6 * * *" if is_export else "15 * * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Export audiences at 6:15 in {time_zone}."
        if is_export
        else f"Send changes to the destinations every hour in {time_zone}.",
    )
