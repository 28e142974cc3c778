"""`bojagi read`: a table as a role may see it, for a purpose, of the people who permit it."""

from __future__ import annotations

import json
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from pipelines.cli.option import Data, Engine, Json, settings_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.access import Read

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
    from pipelines.access import Reader
    from pipelines.clock import wall_clock
    from pipelines.consent.moment import moment_now
    from pipelines.contracts.document import load_contracts
    from pipelines.engine import open_engine
    from pipelines.lakehouse import Lakehouse
    from pipelines.privacy_store import load_pseudonym_key, open_audit_log, open_consent_view
    from privacy.access.role import built_in_roles

    settings = settings_for(data, engine=engine)
    contracts = load_contracts(settings.contract_dirs)
    audit = open_audit_log(settings)
    with open_engine(settings) as opened:
        reader = Reader(
            lakehouse=Lakehouse(settings.lakehouse_root, cast("SparkSession", opened.spark), settings.storage_options),
            contracts=contracts,
            consent=lambda: open_consent_view(settings, moment_now(settings, contracts, wall_clock)),
            roles=built_in_roles(),
            audit=audit,
            secret=load_pseudonym_key(settings),
            who=who or getuser(),
            clock=wall_clock,
        )
        found = reader.read(table, role, purpose, columns.split(",") if columns else None)
        rows = found.frame.limit(limit).toArrow().to_pylist()
    audit.close()
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
