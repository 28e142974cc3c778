"""Commands `bojagi retention`: show the rows that are due for deletion, or delete them."""

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
    from pipelines.retention.plan import RetentionPlan

On = Annotated[
    datetime | None,
    typer.Option(
        "--on",
        formats=["%Y-%m-%d"],
        help="Reference date: rows are due if their retention ended before this day.",
        show_default="the day of the latest event",
    ),
]

app = typer.Typer(
    cls=ErrorBoundary, help="Show the rows that are due for deletion, or delete them.", no_args_is_help=True
)


@app.command()
def plan(on: On = None, data: Data = None, as_json: Json = False) -> None:
    """Count, table by table, the rows that are due for deletion and those that are kept, with the reason.

    Deletes nothing.

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
    """Delete the rows that are due, their earlier versions, and the keys of persons who have no row left.

    [bold]Examples[/bold]

      bojagi retention apply
      bojagi run      [dim]# rebuilds the tables that contain deleted rows[/dim]
    """
    from pipelines.ingest.lock import run_lock
    from pipelines.retention.deletion import apply_retention

    with installation_for(data) as installation, run_lock(installation.settings.data_dir):
        results = apply_retention(
            installation.lakehouse, installation.contracts, installation.protection, _day(installation, on)
        )
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in results], ensure_ascii=False, indent=2, default=str))
        return
    _print("deleted", [(one.plan, one.deleted) for one in results])
    keys, files = sum(one.keys_destroyed for one in results), sum(one.files_removed for one in results)
    typer.echo(
        f"{sum(one.deleted for one in results):,} rows deleted, {files:,} files removed, {keys:,} keys destroyed"
    )


def _day(installation: Installation, on: datetime | None) -> date:
    return on.date() if on else installation.reference_date()


def _print(counted_column: str, counted: Iterable[tuple[RetentionPlan, int]]) -> None:
    """Print a line for each table that has rows; each further reason for kept rows gets its own line."""
    from pipelines.cli.grid import make_grid, open_console
    from pipelines.retention.plan import KeptRows

    grid = make_grid("table", counted_column, "kept", "next due", "kept because", numbers=(counted_column, "kept"))
    for plan, rows in counted:
        if not plan.rows:
            continue
        name = plan.table if plan.table != "bronze/quarantine" else f"{plan.table} of {plan.contract_id}"
        first, *others = plan.held or (KeptRows(0, ""),)
        grid.add_row(name, f"{rows:,}", f"{first.rows:,}", str(plan.next_due or ""), first.reason)
        for hold in others:
            grid.add_row("", "", f"{hold.rows:,}", "", hold.reason)
    open_console().print(grid)
