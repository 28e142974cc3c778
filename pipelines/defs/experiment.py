"""Declares the asset of the reports of running experiments: one look at each in every refresh."""

from typing import Any

import dagster as dg

from features.experiment.order_figure import ROLE, TABLE
from features.experiment.report_text import (
    GUARDRAIL_HEADINGS,
    HEADINGS,
    guardrail_rows,
    head_lines,
    metric_text,
    verdict_rows,
)
from features.experiment.service import Experiments, Report
from features.experiment.verdict import Answer
from features.retrieval.answer import Caller
from pipelines.orchestration.failure import own_errors_are_final
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.metadata_table import table_value
from pipelines.orchestration.pipeline_run import PipelineRun
from pipelines.orchestration.table_event import report_absent

REPORT = "experiment/report"
CALLER = Caller("bojagi experiment", ROLE)


def experiment_asset() -> dg.AssetsDefinition:
    """Return the asset. Its metadata have the head, the verdicts and the guardrails of each running experiment."""

    @dg.asset(
        key=asset_key(REPORT),
        deps=[asset_key(TABLE)],
        group_name="experiment",
        description="What the running experiments say now, of the customers who permit their purpose.",
        tags={"personal_data": "false"},
    )
    def experiment_report(
        context: dg.AssetExecutionContext, run: dg.ResourceParam[PipelineRun]
    ) -> dg.MaterializeResult[Any]:
        with own_errors_are_final(), Experiments(run.installation) as experiments:
            reports = [experiments.report(one.name, CALLER) for one in experiments.running()]
        if not reports:
            return report_absent(context, "No experiment is running.")
        verdicts = [one for report in reports for one in report.verdicts]
        shown: dict[str, Any] = {
            "running": len(reports),
            "without_verdict": sum(one.answer is Answer.NO_VERDICT for one in verdicts),
            "guardrail_broken": sum(one.must_stop for one in verdicts),
        }
        for report in reports:
            shown |= _metadata(report)
        return dg.MaterializeResult(metadata=shown)

    return experiment_report


def _metadata(report: Report) -> dict[str, dg.MetadataValue]:
    name = report.version.experiment.name
    lines = [*head_lines(report), f"Metric: {metric_text(report)} a customer."]
    found: dict[str, dg.MetadataValue] = {
        name: dg.MetadataValue.md("\n".join(f"- {line}" for line in lines)),
        f"{name}_verdicts": table_value(HEADINGS, verdict_rows(report)),
    }
    if guardrails := guardrail_rows(report):
        found[f"{name}_guardrails"] = table_value(GUARDRAIL_HEADINGS, guardrails)
    return found
