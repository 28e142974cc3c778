"""The regular reports under differential privacy as assets: they spend budget, so no refresh makes them."""

import base64
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipelines.defs.automation import job_apart
from pipelines.defs.failure import own_errors_are_final
from pipelines.defs.metadata import ROWS, asset_key
from pipelines.plot import draw_intervals
from pipelines.release import LAYER
from pipelines.release.declaration import StatisticsRelease, statistics_releases
from pipelines.release.statistics import publish

if TYPE_CHECKING:
    from privacy.dp.answer import Answer


def report_assets() -> list[dg.AssetsDefinition]:
    """Return one asset a report."""
    return [_report_asset(report) for report in statistics_releases()]


def report_job() -> UnresolvedAssetJobDefinition:
    """Return the job that asks for all reports."""
    told = "Ask the regular questions. On data that has not changed, stored answers come back for nothing."
    return job_apart("private_reports", (asset_key(report.table) for report in statistics_releases()), told)


def report_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule: once a month, and only when somebody switches it on, since it spends budget."""
    return dg.ScheduleDefinition(
        name="monthly_private_reports",
        job=job,
        cron_schedule="0 5 1 * *",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Ask for the reports on the first of the month at 05:00; spends privacy budget.",
    )


def _report_asset(report: StatisticsRelease) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(report.table),
        deps=[asset_key(report.source)],
        group_name=LAYER,
        kinds={"deltalake"},
        description=f"{report.title}, under differential privacy at ρ={report.form['rho']:g}. Spends the budget of "
        f"{report.source} for {report.form['purpose']}; the same question about the same data is free.",
        tags={"personal_data": "false"},
        required_resource_keys={"lock", "installation", "lakehouse", "consent"},
    )
    def ask(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        # Here, because no run without a report should wait for OpenDP.
        from pipelines.release.statistics_service import StatisticsService

        held = context.resources
        desk = StatisticsService(
            installation=held.installation, lakehouse=held.lakehouse,
            consent=held.consent, who="bojagi report", role="pipeline",
        )  # fmt: skip
        with own_errors_are_final():
            answer = publish(report, desk)
            left = desk.balances(report.question)
        return dg.MaterializeResult(metadata={**_metadata(report, answer), "budget_left": dg.MetadataValue.json(left)})

    return ask


def _metadata(report: StatisticsRelease, answer: "Answer") -> dict[str, Any]:
    from privacy.dp.noise_plan import NoisePlan
    from privacy.dp.preview import preview

    first = report.question.statistics[0]
    shown = [one for one in answer.estimates if one.statistic == first and one.value is not None]
    values, margins = [one.value or 0.0 for one in shown], [one.margin or 0.0 for one in shown]
    drawing = draw_intervals(values, margins, f"{first}, {len(shown)} groups, {answer.confidence:.0%} intervals")
    image = base64.b64encode(drawing.encode()).decode()
    return {
        ROWS: len(answer.estimates),
        "rho": answer.statement["rho_zcdp"],
        "epsilon": answer.statement["epsilon"],
        "delta": answer.statement["delta"],
        "expected_margins": dg.MetadataValue.json(preview(NoisePlan(report.question))["margins"]),
        "largest_margin": max(margins, default=0.0),
        "chart": dg.MetadataValue.md(f"![chart](data:image/svg+xml;base64,{image})"),
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
