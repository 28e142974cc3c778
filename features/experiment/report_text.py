"""The report of an experiment as text, as rows of a table, and as one HTML page without external references."""

from __future__ import annotations

from html import escape

from features.experiment.service import Report
from features.experiment.verdict import Verdict
from features.insight.group_size import told_size
from features.insight.score.report_page import render_table
from privacy.anonymity.report.html_page import STYLE

HEADINGS = ("Variant", "Serves", "Answer", "Reason", "Difference", "Interval", "Relative", "Variance removed")
GUARDRAIL_HEADINGS = ("Variant", "Guardrail", "State", "Increase", "Interval")


def report_lines(report: Report) -> list[str]:
    """Return the report as lines of text."""
    lines = head_lines(report)
    for verdict in report.verdicts:
        lines.append(f"{verdict.treatment}: {verdict.answer.value} ({verdict.reason})")
        if verdict.estimate is not None:
            _, _, _, _, difference, interval, relative, removed = _row(report, verdict)
            adjusted = f"; {removed} of the variance removed by the time before" if removed else ""
            lines.append(f"  {metric_text(report)}: {difference} a customer, interval {interval}, {relative}{adjusted}")
        lines += [
            f"  guardrail {name}: {state}, {increase}, interval {interval}"
            for _, name, state, increase, interval in _guardrails(verdict)
        ]
    return lines


def head_lines(report: Report) -> list[str]:
    """Return the lines above the verdicts: state, who takes part, the days."""
    experiment = report.version.experiment
    state = report.version.state(report.at.date())
    shares = ", ".join(f"{one.name} = {one.version} ({one.share:.0%})" for one in experiment.variants)
    return [
        f"{experiment.name} on {report.at:%Y-%m-%d %H:%M}: {state}",
        f"At least {told_size(report.taking_part):,} customers take part; {experiment.start} to {experiment.last_day}.",
        f"Variants: {shares}. Without a difference, a wrong answer has a probability of {experiment.alpha:.0%}.",
    ]


def metric_text(report: Report) -> str:
    """Return the name of the metric with its unit."""
    metric = report.version.experiment.metric
    return f"{metric.name} ({metric.unit})" if metric.unit else metric.name


def verdict_rows(report: Report) -> list[list[str]]:
    """Return one row a treatment, in the order of HEADINGS; a figure that may not be told is empty."""
    return [_row(report, one) for one in report.verdicts]


def guardrail_rows(report: Report) -> list[list[str]]:
    """Return one row a treatment and guardrail, in the order of GUARDRAIL_HEADINGS."""
    return [row for verdict in report.verdicts for row in _guardrails(verdict)]


def render_report(report: Report) -> str:
    """Return the page. Equal reports give equal bytes."""
    title = f"Experiment {report.version.experiment.name}"
    head = "".join(f"<p>{escape(line)}</p>" for line in head_lines(report))
    parts = [f"<h2>{escape(metric_text(report))} a customer</h2>", render_table(HEADINGS, verdict_rows(report))]
    if guardrails := guardrail_rows(report):
        parts += ["<h2>Guardrail metrics</h2>", render_table(GUARDRAIL_HEADINGS, guardrails)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}body{{max-width:75rem}}</style></head><body>'
        f"<h1>{escape(title)}</h1>{head}{''.join(parts)}</body></html>\n"
    )


def _row(report: Report, verdict: Verdict) -> list[str]:
    version = next(one.version for one in report.version.experiment.variants if one.name == verdict.treatment)
    row = [verdict.treatment, version, verdict.answer.value, verdict.reason]
    if verdict.estimate is None or verdict.low is None or verdict.high is None:
        return [*row, "", "", "", ""]
    mean, removed = verdict.control_mean, verdict.variance_removed
    return [
        *row,
        f"{verdict.estimate:+.4g}",
        f"[{verdict.low:+.4g}, {verdict.high:+.4g}]",
        f"{verdict.estimate / mean:+.1%}" if mean else "",
        "" if removed is None else f"{removed:.0%}",
    ]


def _guardrails(verdict: Verdict) -> list[list[str]]:
    rows = []
    for one in verdict.guardrails:
        state = "broken" if one.is_broken else "holds"
        figures = [state, f"{one.increase:+.4g}", f"[{one.low:+.4g}, {one.high:+.4g}]"]
        rows.append([verdict.treatment, one.name, *(figures if one.is_known else ["no figures", "", ""])])
    return rows
