"""The report of an experiment as text and as one HTML page without external references."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from features.experiment.service import Report
from features.experiment.verdict import Verdict
from features.insight.group_size import told_size
from privacy.anonymity.report.html_page import STYLE


def report_lines(report: Report) -> list[str]:
    """Return the report as lines of text."""
    experiment = report.version.experiment
    state = f"stopped: {report.version.stopped}" if report.version.stopped else "running"
    lines = [
        f"{experiment.name} on {report.at:%Y-%m-%d %H:%M}: {state}",
        f"At least {told_size(report.taking_part):,} customers take part; {experiment.start} to {experiment.last_day}.",
    ]
    for verdict in report.verdicts:
        lines.append(f"{verdict.treatment}: {verdict.answer.value} ({verdict.reason})")
        lines += [
            f"  {text}" for text in _figures(verdict, f"{experiment.metric.name} {experiment.metric.unit}".strip())
        ]
    return lines


def render_report(report: Report) -> str:
    """Return the page. Equal reports give equal bytes."""
    title = f"Experiment {report.version.experiment.name}"
    head, *rest = report_lines(report)
    items = "".join(f"<p>{escape(line)}</p>" for line in rest)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>{escape(head)}</p>{items}</body></html>\n"
    )


def _figures(verdict: Verdict, figure: str) -> Iterator[str]:
    if verdict.estimate is None or verdict.low is None or verdict.high is None:
        return
    yield f"{figure}: {verdict.estimate:+.4g} a customer, interval {verdict.low:+.4g} to {verdict.high:+.4g}"
    yield f"mean of the control: {verdict.control_mean:.4g}"
    if verdict.variance_removed is not None:
        yield f"variance removed by the time before: {verdict.variance_removed:.0%}"
    for one in verdict.guardrails:
        state = "broken" if one.is_broken else "holds"
        yield f"guardrail {one.name}: {state}, {one.increase:+.4g}, interval {one.low:+.4g} to {one.high:+.4g}"
