"""Command `bojagi profile`: describes the values of each column of a table, without the value of any one person."""

from __future__ import annotations

import json
from dataclasses import asdict
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.option import Data, Engine, Json, installation_for
from pipelines.cli.read import is_large, spark_reader

if TYPE_CHECKING:
    from privacy.access.reader import Read
    from privacy.access.value_profile import ColumnProfile

MOST_ROWS = 2_000_000
"""Larger tables are profiled on a random sample of about this many rows."""
_SEED = 20170101


def profile(
    table: Annotated[str, typer.Argument(help="Table, such as gold/customer_360.")],
    role: Annotated[str, typer.Option("--role", help="a role such as analyst or data_steward.")],
    purpose: Annotated[str, typer.Option("--purpose", help="What the profile is used for: a purpose of the taxonomy.")],
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            help="Columns or patterns such as 'spend_*', joined by commas.",
            show_default="all that may be read",
        ),
    ] = None,
    who: Annotated[
        str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")
    ] = None,
    data: Data = None,
    engine: Engine = None,
    as_json: Json = False,
) -> None:
    """Describe each column of a table: share of nulls, different values, quantiles, frequent values. Logged as a read.

    Only columns that the role may read, and only customers who permit the purpose now. Minimum and maximum are never
    shown, nor is a value that 10 people or fewer hold.

    [bold]Examples[/bold]

      bojagi profile gold/customer_360 --role analyst --purpose analytics
      bojagi profile gold/customer_360 --role analyst --purpose analytics --columns '*_share' --json
    """
    from privacy.access.reader import CUSTOMER
    from privacy.access.value_profile import profile_columns

    wanted = None if columns is None else [name for part in columns.split(",") if (name := part.strip())]
    with installation_for(data, engine=engine) as installation:
        name = who or getuser()
        if engine is None and not is_large(installation, table):
            found: Read[Any] = installation.table_reader(name).read(table, role, purpose, wanted, with_customer=True)
            rows, sampled = found.frame, 1.0
        else:
            with spark_reader(installation, name) as reader:
                found = reader.read(table, role, purpose, wanted, with_customer=True)
                rows, sampled = _sample(found.frame)
        contract = installation.contracts.table(table)
    people = None if found.subjects is None else rows[CUSTOMER]
    profiles = profile_columns(rows, [contract.column(name) for name in found.plan.columns], people)
    if as_json:
        typer.echo(json.dumps(_document(found, rows.num_rows, sampled, profiles), ensure_ascii=False, indent=1))
    else:
        _print(found, rows.num_rows, sampled, profiles)


def _sample(frame: Any) -> tuple[Any, float]:
    """Return the rows as an Arrow table, and the share of the rows that are in it."""
    from pyspark.sql import functions as F

    count = frame.count()
    share = min(1.0, MOST_ROWS / count) if count else 1.0
    return (frame if share == 1.0 else frame.where(F.rand(_SEED) < share)).toArrow(), share


def _document(found: Read[Any], rows: int, sampled: float, profiles: list[ColumnProfile]) -> dict[str, Any]:
    plan = found.plan
    return {
        "table": plan.table, "purpose": plan.purpose, "rows": rows, "sampled": round(sampled, 4),
        "subjects": found.subjects, "columns": [asdict(one) for one in profiles], "left_out": dict(plan.left_out),
    }  # fmt: skip


def _print(found: Read[Any], rows: int, sampled: float, profiles: list[ColumnProfile]) -> None:
    from privacy.access.value_profile import HIDDEN_PEOPLE

    for one in profiles:
        unit = f", {one.unit}" if one.unit else ""
        typer.echo(f"{one.column} ({one.type}{unit}): {one.null_share:.3g} null, {one.distinct:,} different")
        if one.quantiles:
            typer.echo("    " + "  ".join(f"{name} {_text(value)}" for name, value in one.quantiles.items()))
        if one.top:
            typer.echo("    most frequent: " + "; ".join(f"{value} {share:.0%}" for value, share in one.top.items()))
    plan = found.plan
    whose = "no persons" if found.subjects is None else f"{found.subjects:,} people who permit {plan.purpose}"
    part = "" if sampled == 1.0 else f", a random sample of {sampled:.1%}"
    logged = " The read is in the log: bojagi audit show" if plan.is_personal else ""
    typer.echo(f"\n{rows:,} rows{part}; {plan.table} holds {whose}.{logged}")
    if found.subjects is not None:
        typer.echo(f"Values that {HIDDEN_PEOPLE} people or fewer hold are not shown, nor minimum and maximum.")
    for name, reason in plan.left_out.items():
        typer.echo(f"  left out: {name} {reason}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,.6g}"
