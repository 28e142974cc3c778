"""`bojagi retention`: what is due by the contracts, and its deletion."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation
    from pipelines.retention.plan import TablePlan

On = Annotated[
    datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], help="The day to judge by.", show_default="the day of the latest event"),
]

app = typer.Typer(cls=ErrorBoundary, help="Show what is due for deletion, or delete it.", no_args_is_help=True)


@app.command()
def plan(on: On = None, data: Data = None, as_json: Json = False) -> None:
    """Count the rows that are due, table by table, and say what is held and why. Deletes nothing.

    [bold]Examples[/bold]

      bojagi retention plan
      bojagi retention plan --on 2019-01-01 --json
    """
    from pipelines.retention.plan import plan_retention

    with installation_for(data) as installation:
        today = _day(installation, on)
        plans = plan_retention(installation.lakehouse, installation.contracts, today)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in plans], ensure_ascii=False, indent=2, default=str))
        return
    _print("due", [(one, one.due_rows) for one in plans])
    typer.echo(f"{sum(one.due_rows for one in plans):,} rows are due on {today}")


@app.command()
def apply(on: On = None, data: Data = None, as_json: Json = False) -> None:
    """Delete what is due: rows, their earlier versions, and the keys of persons of whom nothing is left.

    [bold]Examples[/bold]

      bojagi retention apply
      bojagi run      [dim]# builds anew what was made from deleted rows[/dim]
    """
    from pipelines.ingest.lock import run_lock
    from pipelines.retention.apply import apply_retention

    with installation_for(data) as installation, run_lock(installation.settings.data_dir):
        outcomes = apply_retention(
            installation.lakehouse, installation.contracts, installation.protection, _day(installation, on)
        )
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in outcomes], ensure_ascii=False, indent=2, default=str))
        return
    _print("deleted", [(one.plan, one.deleted) for one in outcomes])
    keys, files = sum(one.keys_destroyed for one in outcomes), sum(one.files_removed for one in outcomes)
    typer.echo(
        f"{sum(one.deleted for one in outcomes):,} rows deleted, {files:,} files removed, {keys:,} keys destroyed"
    )


def _day(installation: Installation, on: datetime | None) -> date:
    return on.date() if on else installation.reference_date()


def _print(what: str, counted: Iterable[tuple[TablePlan, int]]) -> None:
    """A row for each table that has rows, and one more for each further reason why rows of it are held."""
    from pipelines.cli.grid import make_grid, open_console
    from pipelines.retention.plan import Hold

    grid = make_grid("table", what, "held", "next due", "held because", numbers=(what, "held"))
    for plan, rows in counted:
        if not plan.rows:
            continue
        name = plan.table if plan.table != "bronze/quarantine" else f"{plan.table} of {plan.contract_id}"
        first, *others = plan.held or (Hold(0, ""),)
        grid.add_row(name, f"{rows:,}", f"{first.rows:,}", str(plan.next_due or ""), first.reason)
        for hold in others:
            grid.add_row("", "", f"{hold.rows:,}", "", hold.reason)
    open_console().print(grid)
