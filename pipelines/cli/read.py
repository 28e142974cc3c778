"""`bojagi read`: a table as a role may see it, for a purpose, of the people who permit it."""

from __future__ import annotations

import json
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from pipelines.cli.option import Data, Engine, Json, installation_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.access.reader import Read

DEFAULT_LIMIT = 20


def read(
    table: Annotated[str, typer.Argument(help="Table, such as gold/customer_360.")],
    role: Annotated[str, typer.Option("--role", help="analyst, steward, agent or privacy_officer.")],
    purpose: Annotated[str, typer.Option("--purpose", help="What for: a purpose of the taxonomy.")],
    columns: Annotated[
        str | None, typer.Option("--columns", help="Columns, joined by commas.", show_default="all that may be read")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Rows to show.")] = DEFAULT_LIMIT,
    who: Annotated[str | None, typer.Option("--who", help="Name in the log.", show_default="the user")] = None,
    data: Data = None,
    engine: Engine = None,
    as_json: Json = False,
) -> None:
    """Show a table as a role may see it: permitted columns, of people who permit the purpose. It is logged.

    The rows of whoever withdrew a moment ago are not there. Columns that the role, the purpose or the law keeps back
    are named with the reason. Roles stand in privacy/access/role.yaml.

    [bold]Examples[/bold]

      bojagi read gold/customer_360 --role analyst --purpose analytics
      bojagi read gold/customer_demographic --role analyst --purpose research --columns age_band,beliefs --json
      bojagi read gold/order_history --role privacy_officer --purpose legal_records --limit 5
    """
    from pipelines.access.reader import Reader
    from pipelines.engine.session import open_engine
    from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

    with installation_for(data, engine=engine) as installation, open_engine(installation.settings) as opened:
        settings = installation.settings
        reader = Reader(
            lakehouse=SparkLakehouse(
                settings.lakehouse_root, cast("SparkSession", opened.spark), settings.storage_options
            ),
            contracts=installation.contracts,
            consent=installation.consent_view,
            roles=installation.roles,
            audit=installation.audit_log,
            secret=installation.pseudonym_key,
            who=who or getuser(),
            clock=installation.clock,
        )
        found = reader.read(table, role, purpose, columns.split(",") if columns else None)
        rows = found.frame.limit(limit).toArrow().to_pylist()
    if as_json:
        typer.echo(json.dumps(_document(found, rows), ensure_ascii=False, default=str, indent=1))
    else:
        _print(found, rows)


def _document(found: Read, rows: list[dict[str, Any]]) -> dict[str, Any]:
    plan = found.plan
    return {
        "table": plan.table, "purpose": plan.purpose, "columns": list(plan.columns), "left_out": dict(plan.left_out),
        "subjects": found.subjects, "is_pseudonymised": plan.is_pseudonymised, "rows": rows,
    }  # fmt: skip


def _print(found: Read, rows: list[dict[str, Any]]) -> None:
    from pipelines.cli.grid import make_grid, open_console

    console, plan = open_console(), found.plan
    grid = make_grid(*plan.columns)
    for row in rows:
        grid.add_row(*("" if row[name] is None else str(row[name]) for name in plan.columns))
    console.print(grid)
    whose = "no persons" if found.subjects is None else f"{found.subjects:,} people who permit {plan.purpose}"
    console.print(f"\n{len(rows)} rows shown; {plan.table} holds {whose}. The read is in the log: bojagi audit show")
    for name, reason in plan.left_out.items():
        console.print(f"  left out: {name} {reason}", style="dim")
