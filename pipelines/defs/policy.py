"""Declares the job and the schedule that learn and judge versions of policies."""

import dagster as dg

from features.policy.renewal import renew
from features.policy.service import open_policies
from installation.installation import Installation
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.metadata import asset_key

JOB_NAME = "learn_policies"


def policy_job(installation: Installation) -> dg.JobDefinition:
    """Return the job. It needs neither the engine nor the lock of the data folder."""

    @dg.op(description="Learns the next version of each policy and judges it on customers whom it did not learn from.")
    def learn_and_judge(context: dg.OpExecutionContext) -> None:
        with (
            own_errors_are_final(),
            Installation(installation.settings, installation.clock) as own,
            open_policies(own) as policies,
        ):
            done = renew(policies, "bojagi")
        for one in done:
            name, _, number = one.version.partition("/")
            context.log_event(
                dg.AssetMaterialization(
                    asset_key(f"policy/{name}"),
                    metadata={"version": int(number), "answer": one.answer or "not learned", "reason": one.reason},
                )
            )

    @dg.job(
        name=JOB_NAME,
        description="Learn and judge versions of policies; one that is judged better serves from then on.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        learn_and_judge()

    return job


def policy_schedule(job: dg.JobDefinition, time_zone: str) -> dg.ScheduleDefinition:
    """Return the schedule. A version that it accepts serves at once, so it is off until it is started."""
    return dg.ScheduleDefinition(
        name="monthly_policies",
        job=job,
        cron_schedule="30 5 1 * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Learn and judge policies on the first of the month at 05:30.",
    )
