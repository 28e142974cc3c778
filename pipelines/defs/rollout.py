"""Declares the job that judges the running rollouts every hour, also while no call comes."""

from typing import Any

import dagster as dg

from features.rollout.report_text import state_text
from features.rollout.service import Rollouts
from installation.installation import Installation
from pipelines.orchestration.failure import own_errors_are_final

JOB_NAME, STEP_NAME = "judge_rollouts", "judge_running_rollouts"


def rollout_job(installation: Installation) -> dg.JobDefinition:
    """Return the job. Services judge as well, after each look in which they were called."""

    @dg.op(name=STEP_NAME, description="Begins next stages, and rolls back versions that break a guardrail.")
    def judge(context: dg.OpExecutionContext) -> None:
        with own_errors_are_final(), Installation(installation.settings, installation.clock) as own:
            found = {step.rollout.name: state_text(step, judgement) for step, judgement in Rollouts(own).judge()}
        metadata: dict[str, Any] = dict(found)
        context.add_output_metadata(metadata)
        context.log.info("; ".join(f"{name}: {text}" for name, text in found.items()) or "No rollout runs.")

    @dg.job(
        name=JOB_NAME,
        description="Judge the running rollouts of versions.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        judge()

    return job


def rollout_schedule(job: dg.JobDefinition, installation: Installation) -> dg.ScheduleDefinition:
    """Return the schedule of the job. It starts no run while no rollout runs."""

    @dg.schedule(
        name="hourly_rollouts",
        job=job,
        cron_schedule="5 * * * *",
        execution_timezone=installation.settings.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Judge the running rollouts at five past every hour.",
    )
    def schedule() -> dg.RunRequest | dg.SkipReason:
        with Installation(installation.settings, installation.clock) as own:
            is_needed = any(judgement is not None for _, judgement in Rollouts(own).state())
        return dg.RunRequest() if is_needed else dg.SkipReason("No rollout runs.")

    return schedule
