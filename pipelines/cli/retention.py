"""Commands `bojagi retention`: show the rows that are due for deletion, or delete them."""

from __future__ import annotations

import json
import sys
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
        show_default="run_date, or today",
    ),
]


def _read_share(text: str) -> float:
    """Return a share such as 0.5 or 50% as a number from 0 to 1."""
    number = text.strip().removesuffix("%")
    try:
        share = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise typer.BadParameter(f"{text!r} is not a share; give a number from 0 to 1, such as 0.5, or 50%.")
    return share


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
def apply(
    on: On = None,
    data: Data = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking, for scripts.")] = False,
    allow_share: Annotated[
        float,
        typer.Option(
            parser=_read_share,
            metavar="SHARE",
            help="Largest share of a table that may be deleted, such as 0.5 or 50%.",
            show_default="0.2",
        ),
    ] = "0.2",  # type: ignore[assignment]
    as_json: Json = False,
) -> None:
    """Delete the rows that are due, their earlier versions, and the keys of persons who have no row left.

    Shows the rows that are due and asks first. Without a terminal, `--yes` is needed. If more than a fifth of a table
    is due, nothing is deleted, unless `--allow-share` allows more.

    [bold]Examples[/bold]

      bojagi retention apply
      bojagi retention apply --yes --allow-share 0.5
      bojagi run      [dim]# rebuilds the tables that contain deleted rows[/dim]
    """
    from installation.lakehouse_claim import lakehouse_lease
    from pipelines.ingest.lock import run_lock
    from pipelines.retention.deletion import apply_retention, refuse_large
    from pipelines.retention.plan import plan_retention

    if not yes and not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask at; give --yes to delete without asking.")
    with installation_for(data) as installation:
        today = _day(installation, on)
        plans = plan_retention(installation.lakehouse, installation.contracts, today)
        refuse_large(plans, allow_share)
        if not yes and not _agrees([plan for plan in plans if plan.due_rows], today):
            typer.echo("Nothing was deleted.", err=True)
            return
        with run_lock(installation.settings.data_dir), lakehouse_lease(installation):
            results = apply_retention(
                installation.lakehouse,
                installation.contracts,
                installation.protection,
                today,
                allow_share,
                None if yes else plans,
            )
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in results], ensure_ascii=False, indent=2, default=str))
        return
    _print("deleted", [(one.plan, one.deleted) for one in results])
    keys, files = sum(one.keys_destroyed for one in results), sum(one.files_removed for one in results)
    typer.echo(
        f"{sum(one.deleted for one in results):,} rows deleted, {files:,} files removed, {keys:,} keys destroyed"
    )


def _agrees(due: list[RetentionPlan], today: date) -> bool:
    """Show on standard error the rows that are due, and return whether the user agrees to delete them."""
    if not due:
        return True
    _print("due", [(plan, plan.due_rows) for plan in due], stderr=True)
    rows = sum(plan.due_rows for plan in due)
    return typer.confirm(f"Delete these {rows:,} rows, which are due on {today}? They cannot be restored.", err=True)


def _day(installation: Installation, on: datetime | None) -> date:
    return on.date() if on else installation.reference_date()


def _print(counted_column: str, counted: Iterable[tuple[RetentionPlan, int]], *, stderr: bool = False) -> None:
    """Print a line for each table that has rows; each further reason for kept rows gets its own line."""
    from pipelines.cli.grid import make_grid, open_console
    from pipelines.retention.plan import KeptRows

    numbers = (counted_column, "share", "kept")
    grid = make_grid("table", *numbers, "next due", "kept because", numbers=numbers)
    for plan, rows in counted:
        if not plan.rows:
            continue
        first, *others = plan.held or (KeptRows(0, ""),)
        share = f"{plan.share:.1%}" if plan.due_rows else ""
        grid.add_row(plan.covers, f"{rows:,}", share, f"{first.rows:,}", str(plan.next_due or ""), first.reason)
        for hold in others:
            grid.add_row("", "", "", f"{hold.rows:,}", "", hold.reason)
    open_console(stderr=stderr).print(grid)
