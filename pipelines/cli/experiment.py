"""Commands `bojagi experiment`: create, status, stop and report."""

from __future__ import annotations

import json
from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for
from pipelines.cli.read_output import require_free

app = typer.Typer(
    cls=ErrorBoundary,
    help="Compare versions of a model, a policy or an audience on customers who permit it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Name = Annotated[str, typer.Argument(help="Name of an experiment, as `bojagi experiment status` shows it.")]


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="YAML file with the definition.", exists=True, dir_okay=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Make it the next version of the experiment.")] = False,
    data: Data = None,
) -> None:
    """Store an experiment.

    Customers keep their variants when it is replaced, also when a variant is added. Any other change while customers
    take part leaves it without a verdict. docs/experiments.md has the form of the file.

    [bold]Example[/bold]

      bojagi experiment create basket_list.yaml
    """
    from features.experiment.errors import ExperimentDefinitionError
    from features.experiment.service import Experiments

    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ExperimentDefinitionError("the file", "bytes that are no UTF-8") from None
    with installation_for(data) as installation:
        found = Experiments(installation).create(text, replaces=replace)
    typer.echo(f"{found.name}: {len(found.variants)} variants, {found.start} to {found.last_day}")


@app.command()
def status(as_json: Json = False, data: Data = None) -> None:
    """List the experiments with their days, variants and state."""
    from rich.markup import escape

    from features.experiment.service import Experiments
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation, Experiments(installation).store() as store:
        found = [store.versions(name)[-1] for name in store.names()]
    rows = [
        {
            "name": one.experiment.name,
            "start": str(one.experiment.start),
            "last_day": str(one.experiment.last_day),
            "variants": ", ".join(f"{v.name} = {v.version} ({v.share:.0%})" for v in one.experiment.variants),
            "state": f"stopped: {one.stopped}" if one.stopped else "running",
        }
        for one in found
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    grid = make_grid("name", "start", "last day", "variants", "state")
    for row in rows:
        grid.add_row(*map(escape, row.values()))
    open_console().print(grid)


@app.command()
def stop(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why it is stopped; kept with the experiment.")],
    data: Data = None,
) -> None:
    """Stop an experiment for good: it gives no variants and records nothing any more. Its report stays."""
    from features.experiment.service import Experiments

    with installation_for(data) as installation:
        Experiments(installation).stop(name, reason)


@app.command()
def report(
    name: Name,
    role: Annotated[str, typer.Option("--role", help="Role of the user, such as analyst; logged as declared.")],
    out: Annotated[Path | None, typer.Option("--out", help="HTML file to write as well.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --out.")] = False,
    who: Annotated[
        str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show what an experiment says now: better, worse, undecided or no verdict, with the reason.

    Look as often as you like: the interval is valid over all looks.
    """
    from features.experiment.report_text import render_report, report_lines
    from features.experiment.service import Experiments
    from features.retrieval.answer import Caller

    if out is not None:
        require_free(out, force=force)
    with installation_for(data) as installation:
        found = Experiments(installation).report(name, Caller(who or getuser(), role))
    if out is not None:
        out.write_text(render_report(found), encoding="utf-8")
    if as_json:
        verdicts = [asdict(one) for one in found.verdicts]
        shown = {"name": name, "at": found.at, "stopped": found.version.stopped, "verdicts": verdicts}
        typer.echo(json.dumps(shown, default=str, ensure_ascii=False))
        return
    for line in report_lines(found):
        typer.echo(line)
