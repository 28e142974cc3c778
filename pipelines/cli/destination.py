"""Commands `bojagi destination`: changes of profiles for other programs, the settings are in `[destinations]`."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary, print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation

app = typer.Typer(
    cls=ErrorBoundary,
    help="Send changes of profiles to other programs, of customers who permit it; the settings: \\[destinations].",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Names = Annotated[list[str] | None, typer.Argument(help="Names in the settings.", show_default="all")]


@app.command()
def send(
    names: Names = None,
    accept_gone: Annotated[
        bool, typer.Option("--accept-gone", help="Remove profiles also if most are gone from the table.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Send what has changed since the last call: new and changed profiles, and removals.

    Dagster's daemon does it every hour. It may be killed at any moment. Exit code 3: a destination did not take all.

    [bold]Examples[/bold]

      bojagi destination send
      bojagi destination send crm --json
    """
    from dataclasses import asdict

    from features.destination.sending import send_changes

    with installation_for(data) as installation:
        chosen = _chosen(installation, names)
        reports = [send_changes(installation, name, accepts_gone=accept_gone) for name in chosen]
    if as_json:
        typer.echo(json.dumps([asdict(report) for report in reports]))
    for report in reports:
        if not as_json:
            typer.echo(
                f"{report.destination}: {report.changed:,} changed, {report.removed:,} removed, "
                f"{report.failed:,} failed, {report.dead:,} set aside, {report.unchanged:,} unchanged"
            )
        if report.fault:
            print_error(f"{report.destination}: {report.fault}")
    if any(report.fault or report.failed for report in reports):
        raise typer.Exit(ExitCode.ENVIRONMENT)


@app.command()
def status(as_json: Json = False, data: Data = None) -> None:
    """Show how many profiles each destination has, waits for, has refused, and was told to delete."""
    from features.destination.sent_profile import SentProfiles, Status
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation:
        found = {
            name: Counter(one.status for one in SentProfiles(installation.lakehouse, name).all().values())
            for name in _chosen(installation, None)
        }
    if as_json:
        typer.echo(json.dumps({name: {one.value: counts[one] for one in Status} for name, counts in found.items()}))
        return
    table = make_grid("destination", *(one.value for one in Status))
    for name, counts in found.items():
        table.add_row(name, *(f"{counts[one]:,}" for one in Status))
    open_console().print(table)


@app.command()
def retry(
    name: Annotated[str, typer.Argument(help="Name in the settings.")], as_json: Json = False, data: Data = None
) -> None:
    """Let the next `send` try again what a destination has refused."""
    from features.destination.delivery import retry_dead

    with installation_for(data) as installation:
        count = sum(retry_dead(installation, one) for one in _chosen(installation, [name]))
    typer.echo(json.dumps({"retried": count}) if as_json else f"{name}: {count:,} changes are sent again.")


def _chosen(installation: Installation, names: list[str] | None) -> list[str]:
    known = sorted(installation.settings.destinations)
    unknown = [name for name in names or () if name not in known]
    if unknown or not known:
        listed = ", ".join(known) or "none; add [destinations.NAME] to the settings"
        print_error(f"Got the destination {', '.join(unknown) or '-'}; the settings have {listed}.")
        raise typer.Exit(ExitCode.REFUSED)
    return names or known
