"""Command `bojagi contracts migrate`: moves the rows of existing tables to a changed contract."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from pipelines.migration.plan import TablePlan


def migrate(
    tables: Annotated[
        list[str] | None,
        typer.Argument(help="Tables to migrate, such as bronze/crm_customer.", show_default="all that differ"),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would change, and change nothing.")] = False,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Move rows that do not fit the contract to quarantine.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before values are lost, for scripts.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Move the rows of existing tables to their changed contracts: added, dropped, renamed, widened, narrowed columns.

    Every row is verified first. If a row does not fit, nothing is changed, and its file and line are named. Derived
    tables are rebuilt by the next run. To revert, put the former contract back and migrate again.

    [bold]Examples[/bold]

      bojagi contracts migrate --plan            what would change
      bojagi contracts migrate                   change it
      bojagi contracts migrate bronze/delivery --quarantine
    """
    from contextlib import ExitStack

    from installation.lakehouse_claim import lakehouse_lease
    from pipelines.ingest.lock import run_lock
    from pipelines.migration.plan import require_possible
    from pipelines.migration.service import ContractMigration

    with installation_for(data) as installation, ExitStack() as stack:
        migration = ContractMigration(installation)
        if not plan:
            stack.enter_context(run_lock(installation.settings.data_dir))
            stack.enter_context(lakehouse_lease(installation))
        plans = migration.plan(tables or ())
        if plan:
            _print(plans, as_json=as_json)
            return
        require_possible(plans, quarantines=quarantine)
        losing = [line for one in plans for line in one.losses]
        if losing and not yes and not _agrees(losing):
            typer.echo("Nothing was changed.", err=True)
            return
        results = list(migration.migrate(plans, quarantines=quarantine))
    if as_json:
        typer.echo(json.dumps([{**one.plan.as_dict(), "quarantined": one.quarantined} for one in results], indent=1))
        return
    for one in results:
        moved = f"; {one.quarantined:,} rows moved to quarantine" if one.quarantined else ""
        typer.echo(f"{one.plan.table}: {one.plan.action.value} ({one.plan.rows:,} rows){moved}")
    typer.echo("Next: bojagi run" if results else "Every table has the form of its contract.")


def _agrees(losing: Sequence[str]) -> bool:
    for line in losing:
        typer.echo(line, err=True)
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask at; give --yes to migrate without asking.")
    return typer.confirm("Migrate?", err=True)


def _print(plans: Sequence[TablePlan], *, as_json: bool) -> None:
    from pipelines.migration.plan import refusal_lines

    if as_json:
        typer.echo(json.dumps([one.as_dict() for one in plans], ensure_ascii=False, indent=1))
        return
    for one in plans:
        typer.echo(f"{one.table}: {one.action.value} ({one.rows:,} rows)")
        for change in one.difference.changes:
            typer.echo(f"  {change.message}")
        for note in one.notes:
            typer.echo(f"  note: {note}")
        for line in refusal_lines(one):
            typer.echo(f"  not possible: {line.removeprefix(f'{one.table}: ')}")
    if not plans:
        typer.echo("Every table has the form of its contract.")
        return
    blocked = sum(not one.is_possible for one in plans)
    typer.echo(
        f"{blocked} of {len(plans)} tables cannot be migrated as they are."
        if blocked
        else "Next: bojagi contracts migrate"
    )
