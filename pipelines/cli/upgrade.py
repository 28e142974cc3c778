"""Command `bojagi upgrade`: shows and makes the changes that a new version needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from pipelines.operation.upgrade import Part


def upgrade(
    plan: Annotated[bool, typer.Option("--plan", help="Show what would change, and change nothing.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Bring the installation to this version of Bojagi. Stop the other machines, `serve` and `ui` before.

    Exit code 6: something must be done by hand before; nothing was changed.

    [bold]Examples[/bold]

      bojagi upgrade --plan
      bojagi upgrade
    """
    from pipelines.ingest.lock import run_lock
    from pipelines.operation.upgrade import plan_upgrade, require_possible
    from pipelines.operation.upgrade import upgrade as upgrade_parts
    from pipelines.orchestration.upgrade import record_part

    with installation_for(data) as installation:
        parts = plan_upgrade(installation, record_part(installation.settings))
        _print(parts, as_json)
        if plan:
            raise typer.Exit(ExitCode.REFUSED if any(part.hindrance for part in parts) else ExitCode.OK)
        require_possible(parts)
        if not any(part.changes for part in parts):
            return
        with run_lock(installation.settings.data_dir):
            for part in upgrade_parts(parts):
                typer.echo(f"done: {part.name}", err=as_json)


def _print(parts: list[Part], as_json: bool) -> None:
    if as_json:
        rows = [
            {"part": p.name, "found": p.found, "wanted": p.wanted, "changes": p.changes, "hindrance": p.hindrance}
            for p in parts
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for part in parts:
        print(f"{part.name}: {part.found}" + ("" if part.found == part.wanted else f", needs {part.wanted}"))
        for change in part.changes:
            print(f"  will {change}")
        if part.hindrance:
            print(f"  before: {part.hindrance}")
    if not any(part.changes or part.hindrance for part in parts):
        print("Nothing to change.")
