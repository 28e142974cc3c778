"""Command `bojagi read`: shows the columns and rows of a table that a role may read for a purpose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.option import Data, Engine, Json, installation_for

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from installation.installation import Installation
    from privacy.access.reader import Read, TableReader

DEFAULT_LIMIT = 20
MOST_ROWS_WITHOUT_ENGINE = 2_000_000
"""Larger tables are read by the engine, which starts in seconds and reads in parts."""


def read(
    table: Annotated[str, typer.Argument(help="Table, such as gold/customer_360.")],
    role: Annotated[str, typer.Option("--role", help="analyst, steward, agent or privacy_officer.")],
    purpose: Annotated[str, typer.Option("--purpose", help="What the rows are used for: a purpose of the taxonomy.")],
    columns: Annotated[
        str | None, typer.Option("--columns", help="Columns, joined by commas.", show_default="all that may be read")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Rows to show.")] = DEFAULT_LIMIT,
    who: Annotated[
        str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")
    ] = None,
    data: Data = None,
    engine: Engine = None,
    as_json: Json = False,
) -> None:
    """Show the columns and rows of a table that a role may read for a purpose. The read is logged.

    Only customers who permit the purpose now are shown; a withdrawal counts at once. Columns that the role, the purpose
    or the law excludes are listed with the reason. Roles are in privacy/access/role.yaml. Small tables are read without
    an engine.

    [bold]Examples[/bold]

      bojagi read gold/customer_360 --role analyst --purpose analytics
      bojagi read gold/customer_demographic --role analyst --purpose research --columns age_band,beliefs --json
      bojagi read gold/order_history --role privacy_officer --purpose legal_records --limit 5
    """
    wanted = None if columns is None else [name for part in columns.split(",") if (name := part.strip())]
    with installation_for(data, engine=engine) as installation:
        name = who or getuser()
        if engine is None and not is_large(installation, table):
            found: Read[Any] = installation.table_reader(name).read(table, role, purpose, wanted, limit)
            rows = found.frame.to_pylist()
        else:
            with spark_reader(installation, name) as reader:
                found = reader.read(table, role, purpose, wanted, limit)
                rows = found.frame.toArrow().to_pylist()
    if as_json:
        typer.echo(json.dumps(_document(found, rows), ensure_ascii=False, default=str, indent=1))
    else:
        _print(found, rows)


def is_large(installation: Installation, table: str) -> bool:
    """Return whether a table has more than `MOST_ROWS_WITHOUT_ENGINE` rows."""
    from installation.lakehouse.table_profile import read_profile

    lakehouse = installation.lakehouse
    return lakehouse.exists(table) and read_profile(lakehouse.delta(table)).rows > MOST_ROWS_WITHOUT_ENGINE


@contextmanager
def spark_reader(installation: Installation, who: str) -> Iterator[TableReader[DataFrame]]:
    """Open the engine and yield the reader that reads tables on it."""
    from pipelines.access.spark_table import SparkTables
    from pipelines.engine.session import open_engine
    from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

    settings = installation.settings
    with open_engine(settings) as opened:
        lakehouse = SparkLakehouse(settings.lakehouse_root, opened.spark, settings.storage_options)
        yield installation.reader_on(SparkTables(lakehouse, installation.consent_view), who)


def _document(found: Read[Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    plan = found.plan
    return {
        "table": plan.table, "purpose": plan.purpose, "columns": list(plan.columns), "left_out": dict(plan.left_out),
        "subjects": found.subjects, "is_pseudonymised": plan.is_pseudonymised, "rows": rows,
    }  # fmt: skip


def _print(found: Read[Any], rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    from pipelines.cli.grid import make_grid, open_console

    console, plan = open_console(), found.plan
    grid = make_grid(*plan.columns)
    for row in rows:
        # A value may look like Rich's markup, which would be hidden or refused.
        grid.add_row(*("" if row[name] is None else escape(str(row[name])) for name in plan.columns))
    console.print(grid)
    whose = "no persons" if found.subjects is None else f"{found.subjects:,} people who permit {plan.purpose}"
    console.print(f"\n{len(rows)} rows shown; {plan.table} holds {whose}. The read is in the log: bojagi audit show")
    for name, reason in plan.left_out.items():
        console.print(f"  left out: {name} {reason}", style="dim")
