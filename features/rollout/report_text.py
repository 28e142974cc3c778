"""The report of a rollout as text and as one HTML page without external references."""

from __future__ import annotations

from html import escape

from features.rollout.judgement import Judgement
from features.rollout.service import Report
from features.rollout.store import State, Step
from privacy.anonymity.report.html_page import STYLE


def state_text(step: Step, judgement: Judgement | None) -> str:
    """Return the state of a rollout in one line."""
    if judgement is None:
        return f"{step.state}: {step.reason}"
    stages = step.rollout.stages
    return f"{stages[step.stage].kind} ({step.stage + 1} of {len(stages)}), {judgement.action}: {judgement.reason}"


def report_lines(report: Report) -> list[str]:
    """Return the report as lines of text."""
    newest = report.steps[-1]
    rollout = newest.rollout
    lines = [
        f"{rollout.name} on {report.at:%Y-%m-%d %H:%M} UTC: {state_text(newest, report.judgement)}",
        f"{rollout.subject}: {rollout.old} to {rollout.new}",
    ]
    for one in report.findings:
        state = "broken" if one.is_broken else "not broken"
        lines.append(f"guardrail {one.text}: {state}, evidence {one.evidence:.3g} of {one.needed:.3g}")
    for step in report.steps:
        stage = rollout.stages[step.stage].kind if step.attempt == newest.attempt else "earlier definition"
        what = stage if step.state is State.RUNNING else step.state
        lines.append(f"{step.at:%Y-%m-%d %H:%M} {what}: {step.reason}")
    return lines


def render_report(report: Report) -> str:
    """Return the page. Equal reports give equal bytes."""
    title = f"Rollout {report.steps[-1].rollout.name}"
    lines = "".join(f"<p>{escape(line)}</p>" for line in report_lines(report))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1>{lines}</body></html>\n"
    )
