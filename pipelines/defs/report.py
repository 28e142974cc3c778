"""Declares the assets of the regular reports under differential privacy. No refresh makes them: they spend budget."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.charts.table_chart import draw_intervals
from pipelines.defs.automation import separate_job
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.metadata import ROWS, asset_key
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.release import LAYER
from pipelines.release.declaration import StatisticsRelease, statistics_releases
from pipelines.release.statistics import publish

if TYPE_CHECKING:
    # Private: the type that the public `dg.define_asset_job` returns has no public name.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from privacy.dp.answer import Answer


def report_assets() -> list[dg.AssetsDefinition]:
    """Return one asset for each report."""
    return [_report_asset(report) for report in statistics_releases()]


def report_job() -> "UnresolvedAssetJobDefinition":
    """Return the job that makes all reports."""
    description = "Answer the regular questions. On unchanged data the stored answers are returned and cost no budget."
    return separate_job("private_reports", (asset_key(report.table) for report in statistics_releases()), description)


def report_schedule(job: "UnresolvedAssetJobDefinition", time_zone: str) -> dg.ScheduleDefinition:
    """Return the schedule: once a month in the shop's time zone. It spends budget, so it is off until it is started."""
    return dg.ScheduleDefinition(
        name="monthly_private_reports",
        job=job,
        cron_schedule="0 5 1 * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Make the reports on the first of the month at 05:00. Spends privacy budget.",
    )


def _report_asset(report: StatisticsRelease) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(report.table),
        deps=[asset_key(report.source)],
        group_name=LAYER,
        kinds={"deltalake"},
        description=f"{report.title}, under differential privacy at ρ={report.form['rho']:g}. Spends the budget of "
        f"{report.source} for {report.form['purpose']}. The same question costs no budget on the same day.",
        tags={"personal_data": "false"},
    )
    def ask(context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]) -> dg.MaterializeResult[Any]:
        # Here, because OpenDP takes a second to import and most runs make no report.
        from pipelines.release.statistics_service import StatisticsService

        service = StatisticsService(
            installation=run.installation, lakehouse=run.lakehouse,
            consent=lambda: run.consent, who="bojagi report", role="analyst",
        )  # fmt: skip
        with own_errors_are_final():
            answer = publish(report, service)
            left = service.balances(report.question)
        return dg.MaterializeResult(metadata={**_metadata(report, answer), "budget_left": dg.MetadataValue.json(left)})

    return ask


def _metadata(report: StatisticsRelease, answer: "Answer") -> dict[str, Any]:
    from privacy.dp.noise_plan import NoisePlan
    from privacy.dp.preview import preview

    first = report.question.statistics[0]
    shown = [one for one in answer.estimates if one.statistic == first and one.value is not None]
    values, margins = [one.value or 0.0 for one in shown], [one.margin or 0.0 for one in shown]
    chart = draw_intervals(
        values, margins, f"Up: {first} with {answer.confidence:.0%} intervals. Right: {len(shown)} groups."
    )
    return {
        ROWS: len(answer.estimates),
        "rho": answer.statement["rho_zcdp"],
        "epsilon": answer.statement["epsilon"],
        "delta": answer.statement["delta"],
        "expected_margins": dg.MetadataValue.json(preview(NoisePlan(report.question))["margins"]),
        "largest_margin": max(margins, default=0.0),
        "chart": dg.MetadataValue.md(chart.to_markdown()),
        "figures": dg.MetadataValue.md(_table(answer)),
        "meaning": answer.sentence,
        "statement": dg.MetadataValue.json(answer.statement),
    }


def _table(answer: "Answer") -> str:
    lines = ["| Group | Statistic | Value | Margin |", "| --- | --- | ---: | ---: |"]
    for one in answer.estimates:
        group = ", ".join(one.group.values()) or "all"
        figure = "too little data | " if one.value is None else f"{one.value:,.6g} | ±{one.margin:,.3g}"
        lines.append(f"| {group} | {one.statistic} | {figure} |")
    return "\n".join(lines)
