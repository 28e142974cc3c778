"""Declares the jobs and schedules of backups, if the settings name a place: write one, and restore one to verify it."""

from collections.abc import Callable

import dagster as dg

from installation.backup.creation import make_backup
from installation.backup.place import BackupError
from installation.installation import Installation
from pipelines.backup.recovery import verify_backup
from pipelines.orchestration.failure import own_errors_are_final

DAILY, HOURLY, VERIFICATION = "daily_backup", "hourly_backup", "verify_backup"


def backup_jobs(installation: Installation) -> dict[str, dg.JobDefinition]:
    """Return the jobs by name. They need neither the engine nor the lock of the data folder."""

    def write(has_tables: bool) -> Callable[[dg.OpExecutionContext], None]:
        def act(context: dg.OpExecutionContext) -> None:
            report = make_backup(installation, has_tables=has_tables)
            context.log.info(f"backup {report.id}: {report.new_chunks} new chunks, {report.removed} deleted")

        return act

    def verify(context: dg.OpExecutionContext) -> None:
        recovery = verify_backup(installation)
        for check in recovery.checks:
            context.log.info(f"{check.name}: {check.detail}")
        if faults := [f"{check.name}: {check.detail}" for check in recovery.checks if not check.holds]:
            raise BackupError(f"The newest backup cannot be used. {' '.join(faults)} Run `bojagi backup`.")

    actions = {
        DAILY: ("Write tables, stores and secrets to the places of [backup].", write(has_tables=True)),
        HOURLY: ("Write stores and secrets to the places of [backup].", write(has_tables=False)),
        VERIFICATION: ("Restore the newest backup into a scratch folder, check every part, and delete it.", verify),
    }
    return {name: _job(installation, name, text, act) for name, (text, act) in actions.items()}


def backup_schedules(jobs: dict[str, dg.JobDefinition], time_zone: str) -> list[dg.ScheduleDefinition]:
    """Return the schedules in the shop's time zone: each day at 1:00, each hour, and on Sundays at 3:00."""
    times = {DAILY: "0 1 * * *", HOURLY: "30 * * * *", VERIFICATION: "0 3 * * 0"}
    return [
        dg.ScheduleDefinition(
            name=f"{name}_schedule",
            job=job,
            cron_schedule=times[name],
            execution_timezone=time_zone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=f"{job.description} ({times[name]} in {time_zone})",
        )
        for name, job in jobs.items()
    ]


def _job(
    installation: Installation, name: str, text: str, act: Callable[[dg.OpExecutionContext], None]
) -> dg.JobDefinition:
    @dg.op(name=name, description=text)
    def run(context: dg.OpExecutionContext) -> None:
        with own_errors_are_final(), installation:
            act(context)

    @dg.job(name=name, description=text, executor_def=dg.in_process_executor)
    def job() -> None:
        run()

    return job
