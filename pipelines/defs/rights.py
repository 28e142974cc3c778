"""Declares the job that executes requests of data subjects, its sensor, and the daily look at their deadlines."""

from datetime import datetime
from hashlib import sha256

import dagster as dg

from installation.installation import Installation
from installation.lakehouse_claim import lakehouse_lease
from pipelines.ingest.lock import run_lock
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.rights_registry import carry_out_requests
from privacy.rights.deadline import Urgency
from privacy.rights.request import State

JOB_NAME, DEADLINE_JOB_NAME = "rights_execution", "rights_deadlines"
TICK_SECONDS = 30
_LOCK_WAIT_SECONDS = 3600.0
"""How long the job waits for a refresh that holds the data folder."""


def rights_job(installation: Installation) -> dg.JobDefinition:
    """Return the job that executes all approved requests. It fails if one stays open, and says which store and why."""

    @dg.op(description="Erases, answers or corrects in every store, verifies, and signs certificates.")
    def execute_requests(context: dg.OpExecutionContext) -> None:
        settings = installation.settings
        lock = run_lock(settings.data_dir, _LOCK_WAIT_SECONDS)
        with own_errors_are_final(), installation, lock, lakehouse_lease(installation):
            done = carry_out_requests(installation)
        for request in done:
            context.log.info(f"{request.id} {request.right} {request.state}")
        failures = [f"{one.id}: {failure.store}: {failure.reason}" for one in done for failure in one.failures]
        if failures:
            raise dg.Failure("Requests stay open. " + " ".join(failures), allow_retries=False)

    @dg.job(
        name=JOB_NAME,
        description="Execute approved requests of data subjects; a killed execution is continued.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        execute_requests()

    return job


def rights_sensor(job: dg.JobDefinition, installation: Installation) -> dg.SensorDefinition:
    """Return the sensor that starts the job for approved requests at once, and for those that stay open every hour."""

    @dg.sensor(
        name="rights_requests",
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Execute requests of data subjects when an officer has approved them.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        # No request was ever taken, so no store is made.
        if not installation.has_requests:
            return dg.SkipReason("No request was submitted yet.")
        with Installation(installation.settings, installation.clock) as own:
            waiting = own.rights_service().cases.waiting()
        if not waiting:
            return dg.SkipReason("No approved request waits.")
        return dg.RunRequest(run_key=run_key([(one.id, one.state) for one in waiting], installation.clock()))

    return sensor


def run_key(waiting: list[tuple[str, State]], now: datetime) -> str:
    """Return the key of a run: new for each new approval, and each hour while a request stays open."""
    hour = f"{now:%Y-%m-%dT%H}" if any(state is State.EXECUTING for _, state in waiting) else ""
    named = " ".join(sorted(f"{request} {state}" for request, state in waiting))
    return sha256(f"{named} {hour}".encode()).hexdigest()[:32]


def deadline_job(installation: Installation) -> dg.JobDefinition:
    """Return the job that warns of deadlines, and deletes answers that are old. It fails while a request is overdue."""

    @dg.op(description="Warns of requests that are due soon; fails if one is overdue.")
    def look_at_deadlines(context: dg.OpExecutionContext) -> None:
        with own_errors_are_final(), installation:
            service = installation.rights_service()
            service.cases.sweep()
            deadlines = [(one, service.deadline(one)) for one in service.requests() if one.state.is_open]
        overdue = [one.id for one, deadline in deadlines if deadline.urgency is Urgency.OVERDUE]
        for one, deadline in deadlines:
            if deadline.urgency is not Urgency.ON_TIME:
                left = f"{deadline.business_days_left} business days left"
                context.log.warning(f"{one.id} ({one.right}, {one.state}) is due on {deadline.due_on}: {left}")
        if overdue:
            raise dg.Failure(f"Overdue requests: {', '.join(overdue)}. Answer them now.", allow_retries=False)

    @dg.job(
        name=DEADLINE_JOB_NAME,
        description="Look at the deadlines of all open requests of data subjects.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        look_at_deadlines()

    return job


def deadline_schedule(job: dg.JobDefinition, time_zone: str) -> dg.ScheduleDefinition:
    """Return the schedule of the deadline job: every morning in the shop's time zone."""
    return dg.ScheduleDefinition(
        name="daily_rights_deadlines",
        job=job,
        cron_schedule="0 8 * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Warn of deadlines of data-subject requests at 08:00 in {time_zone}.",
    )
