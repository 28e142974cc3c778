"""Commands `bojagi experiment`: create, status, stop and report."""

from __future__ import annotations

import json
from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for
from pipelines.cli.read_output import require_free
from pipelines.cli.report_file import write_report
from pipelines.cli.rollout import create_rollout, report_rollout, require_no_rollout, rollout_names, rollout_rows

if TYPE_CHECKING:
    from features.retrieval.answer import Caller

app = typer.Typer(
    cls=ErrorBoundary,
    help="Compare versions of a model, a policy or an audience on customers who permit it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Name = Annotated[str, typer.Argument(help="Name of an experiment, as `bojagi experiment status` shows it.")]
Role = Annotated[str, typer.Option("--role", help="Role of the user, such as analyst; logged as declared.")]
Who = Annotated[str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")]


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="YAML file with the definition.", exists=True, dir_okay=False)],
    role: Role,
    replace: Annotated[bool, typer.Option("--replace", help="Make it the next version of the experiment.")] = False,
    who: Who = None,
    data: Data = None,
) -> None:
    """Store an experiment, or begin a rollout (`kind: rollout`).

    Customers keep their variants when it is replaced, also when a variant is added. Any other change while customers
    take part leaves it without a verdict. docs/experiments.md has the form of the file.

    [bold]Example[/bold]

      bojagi experiment create basket_list.yaml --role analyst
    """
    from features.experiment.definition import read_experiment
    from features.experiment.errors import ExperimentDefinitionError
    from features.experiment.service import Experiments
    from features.rollout.definition import is_rollout

    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ExperimentDefinitionError("the file", "bytes that are no UTF-8") from None
    if is_rollout(text):
        with installation_for(data) as installation:
            create_rollout(installation, text, _caller(role, who), replaces=replace)
        return
    with installation_for(data) as installation, Experiments(installation) as experiments:
        require_no_rollout(installation, read_experiment(text).name)
        found = experiments.create(text, _caller(role, who), replaces=replace)
    typer.echo(f"{found.name}: {len(found.variants)} variants, {found.start} to {found.last_day}")


@app.command()
def status(as_json: Json = False, data: Data = None) -> None:
    """List the experiments with their days, variants and state, and the rollouts with their stage."""
    from rich.markup import escape

    from features.experiment.service import Experiments
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation, Experiments(installation) as experiments:
        found, today = experiments.newest(), installation.decision_moment().date()
        rollouts = rollout_rows(installation)
    rows = [
        {
            "name": one.experiment.name,
            "start": str(one.experiment.start),
            "last_day": str(one.experiment.last_day),
            "variants": ", ".join(f"{v.name} = {v.version} ({v.share:.0%})" for v in one.experiment.variants),
            "state": one.state(today),
        }
        for one in found
    ]
    if as_json:
        typer.echo(json.dumps([*rows, *rollouts], ensure_ascii=False))
        return
    grid = make_grid("name", "start", "last day", "variants", "state")
    for row in rows:
        grid.add_row(*map(escape, row.values()))
    open_console().print(grid)
    if rollouts:
        grid = make_grid("rollout", "subject", "versions", "since", "state")
        for row in rollouts:
            grid.add_row(*map(escape, row.values()))
        open_console().print(grid)


@app.command()
def stop(
    name: Name,
    role: Role,
    reason: Annotated[str, typer.Option("--reason", help="Why it is stopped; kept with the experiment.")],
    who: Who = None,
    data: Data = None,
) -> None:
    """Stop an experiment for good: it gives no variants and records nothing any more. Its report stays.

    A rollout that is stopped serves the old version to everyone again.
    """
    from features.experiment.service import Experiments
    from features.rollout.service import Rollouts

    with installation_for(data) as installation, Experiments(installation) as experiments:
        if name in rollout_names(installation):
            Rollouts(installation).stop(name, reason, _caller(role, who))
        else:
            experiments.stop(name, reason, _caller(role, who))


@app.command()
def report(
    name: Name,
    role: Role,
    out: Annotated[Path | None, typer.Option("--out", help="HTML file to write as well.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --out.")] = False,
    who: Who = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show what an experiment says now: better, worse, undecided or no verdict, with the reason.

    Look as often as you like: the interval is valid over all looks.
    """
    from features.experiment.report_text import render_report, report_lines
    from features.experiment.service import Experiments

    if out is not None:
        require_free(out, force=force)
    with installation_for(data) as installation, Experiments(installation) as experiments:
        if name in rollout_names(installation):
            report_rollout(installation, name, _caller(role, who), out, as_json=as_json)
            return
        found = experiments.report(name, _caller(role, who))
    if out is not None:
        write_report(out, render_report(found))
    if as_json:
        verdicts = [asdict(one) for one in found.verdicts]
        shown = {"name": name, "at": found.at, "stopped": found.version.stopped, "verdicts": verdicts}
        typer.echo(json.dumps(shown, default=str, ensure_ascii=False))
        return
    for line in report_lines(found):
        typer.echo(line)


def _caller(role: str, who: str | None) -> Caller:
    from features.retrieval.answer import Caller

    return Caller(who or getuser(), role)
