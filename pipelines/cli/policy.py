"""Commands `bojagi policy`: create, learn, judge and status."""

from __future__ import annotations

import json
from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for

app = typer.Typer(
    cls=ErrorBoundary,
    help="Learn which arm a customer gets, from decisions about customers who permit it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Name = Annotated[str, typer.Argument(help="Name of a policy, as `bojagi policy status` shows it.")]
Who = Annotated[str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")]


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="YAML file with the definition.", exists=True, dir_okay=False)],
    who: Who = None,
    data: Data = None,
) -> None:
    """Store a policy. Its version 1 chooses each arm alike; docs/policy.md has the form of the file.

    [bold]Example[/bold]

      bojagi policy create objective.yaml
    """
    from features.policy.errors import PolicyDefinitionError
    from features.policy.service import open_policies

    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise PolicyDefinitionError("the file", "bytes that are no UTF-8") from None
    with installation_for(data) as installation, open_policies(installation) as policies:
        found = policies.create(text, who or getuser())
    typer.echo(f"{found.name}: {', '.join(found.arms)}; learned by {found.learner}")


@app.command()
def learn(name: Name, who: Who = None, data: Data = None) -> None:
    """Learn the next version from the decisions about one half of the customers. It serves once it is judged better."""
    from features.policy.service import open_policies

    with installation_for(data) as installation, open_policies(installation) as policies:
        found = policies.learn(name, who or getuser())
    typer.echo(f"{found.name}: learned by {found.definition.learner}; `bojagi policy judge {name}` judges it")


@app.command()
def judge(name: Name, who: Who = None, as_json: Json = False, data: Data = None) -> None:
    """Judge the newest version on the decisions about the other half: better, worse or undecided, with the reason.

    Decisions that were compared are spent: the next version is judged on later ones.
    """
    from features.policy.report_text import verdict_lines
    from features.policy.service import open_policies

    with installation_for(data) as installation, open_policies(installation) as policies:
        found = policies.judge(name, who or getuser())
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    for line in verdict_lines(found):
        typer.echo(line)


@app.command()
def status(as_json: Json = False, data: Data = None) -> None:
    """List the versions of all policies, with their verdicts and the version that serves."""
    from rich.markup import escape

    from features.policy.report_text import status_rows
    from features.policy.service import open_policies
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation, open_policies(installation) as policies:
        rows = status_rows(policies)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    grid = make_grid("version", "learned by", "decisions", "serves", "verdict")
    for row in rows:
        grid.add_row(*(escape(str(value)) for value in row.values()))
    open_console().print(grid)
