"""The part of `bojagi experiment` that is about rollouts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.cli.report_file import write_report

if TYPE_CHECKING:
    from features.retrieval.answer import Caller
    from installation.installation import Installation


def create_rollout(installation: Installation, text: str, caller: Caller, *, replaces: bool) -> None:
    """Begin a rollout and say where it stands."""
    from features.rollout.service import Rollouts

    found = Rollouts(installation).create(text, caller, replaces=replaces)
    stages = ", ".join(one.kind if one.share is None else f"{one.kind} {one.share:.0%}" for one in found.stages)
    typer.echo(f"{found.name}: {found.old} to {found.new}; {stages}")


def rollout_names(installation: Installation) -> list[str]:
    """Return the names of the rollouts."""
    from features.rollout.service import Rollouts

    return [step.rollout.name for step, _ in Rollouts(installation).state()]


def require_no_rollout(installation: Installation, experiment: str) -> None:
    """Check that no rollout has the name of an experiment: commands find both by their name.

    Raises:
        RolloutStateError: one has.
    """
    from features.rollout.errors import RolloutStateError

    if experiment in rollout_names(installation):
        raise RolloutStateError(f"There is a rollout {experiment!r}; choose another name.")


def rollout_rows(installation: Installation) -> list[dict[str, str]]:
    """Return a row for each rollout."""
    from features.rollout.report_text import state_text
    from features.rollout.service import Rollouts

    return [
        {
            "name": step.rollout.name,
            "subject": step.rollout.subject,
            "versions": f"{step.rollout.old} to {step.rollout.new}",
            "since": step.at.isoformat(timespec="minutes"),
            "state": state_text(step, judgement),
        }
        for step, judgement in Rollouts(installation).state()
    ]


def report_rollout(installation: Installation, name: str, caller: Caller, out: Path | None, *, as_json: bool) -> None:
    """Print the report of a rollout, and write its page to `out`."""
    from features.rollout.report_text import render_report, report_lines
    from features.rollout.service import Rollouts

    found = Rollouts(installation).report(name, caller)
    if out is not None:
        write_report(out, render_report(found))
    if as_json:
        shown = {
            "name": name,
            "at": found.at,
            "state": found.steps[-1].state,
            "findings": [asdict(one) for one in found.findings],
            "action": found.judgement and found.judgement.action,
            "reason": found.judgement.reason if found.judgement else found.steps[-1].reason,
        }
        typer.echo(json.dumps(shown, default=str, ensure_ascii=False))
        return
    for line in report_lines(found):
        typer.echo(line)
