"""Command `bojagi read`: shows the columns and rows of a table that a role may read for a purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.option import Data, Engine, installation_for
from pipelines.cli.read_output import ReadFormat, choose_format, require_free, write_read

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from installation.installation import Installation
    from privacy.access.reader import Read, TableReader

DEFAULT_LIMIT = 20
MOST_ROWS_WITHOUT_ENGINE = 2_000_000
"""Larger tables are read by the engine, which starts in seconds and reads in parts."""


def read(
    table: Annotated[str, typer.Argument(help="Table, such as gold/customer_360.")],
    role: Annotated[str, typer.Option("--role", help="a role such as analyst or data_steward; logged as declared.")],
    purpose: Annotated[str, typer.Option("--purpose", help="What the rows are used for: a purpose of the taxonomy.")],
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            help="Columns or patterns such as 'spend_*', joined by commas.",
            show_default="all that may be read",
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", help="Only rows that meet this condition, such as \"age_band = '45-54'\"."),
    ] = None,
    customer: Annotated[
        str | None,
        typer.Option("--customer", help="Only rows of this customer, by the identifier that the role sees."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=0, help="Rows to show.", show_default=f"{DEFAULT_LIMIT}; all rows into a file (--out)"
        ),
    ] = None,
    vertical: Annotated[
        bool, typer.Option("--vertical", help="One column a line; chosen anyway where the columns do not fit.")
    ] = False,
    form: Annotated[
        ReadFormat | None,
        typer.Option("--format", help="Form of the rows.", show_default="the ending of --out, else table"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write to, private to you.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --out.")] = False,
    who: Annotated[
        str | None,
        typer.Option("--who", help="User name in the audit log; it is logged as declared.", show_default="the user"),
    ] = None,
    data: Data = None,
    engine: Engine = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show the columns and rows of a table that a role may read for a purpose. The read is logged.

    Only customers who permit the purpose now are shown; a withdrawal counts at once. Columns that the role, the purpose
    or the law excludes are listed with the reason. Roles are in privacy/access/role.yaml.

    [bold]Look at a table[/bold]

      bojagi read gold/customer_360 --role analyst --purpose analytics --limit 3
      bojagi read gold/customer_360 --role analyst --purpose analytics \
        --columns 'customer_id,age_band,*_share'

    [bold]Select rows[/bold]

    A condition compares columns with values: = <> < <= > >=, BETWEEN, IN (…), LIKE, IS NULL, joined by AND, OR, NOT.
    Text, dates and times stand in single quotes. It may use only columns that the role may read. The audit log keeps
    the columns that it used, and no values.

      bojagi read gold/customer_360 --role analyst --purpose analytics \
        --where "age_band in ('45-54', '55-64') and order_count >= 10"
      bojagi read gold/order_history --role analyst --purpose analytics \
        --where "ordered_at >= '2017-12-01' and channel = 'online'"

    [bold]Select a customer[/bold]

    Use the identifier that this role sees: an analyst's pseudonym (p_…) is valid for one role and purpose.

      bojagi read gold/order_history --role data_steward --purpose quality_assurance \
        --customer c_27jthoumeij2ui2pfsxp263u4u

    [bold]Write a file[/bold]

    Only you can read a file with personal data (mode 0600). Requests for erasure do not reach it: delete it when it is
    no longer needed.

      bojagi read gold/customer_360 --role analyst --purpose analytics \
        --out profiles.parquet
      bojagi read gold/customer_360 --role analyst --purpose analytics \
        --format csv | head
      bojagi read gold/customer_360 --role analyst --purpose analytics --json | \
        jq '.rows[0]'
    """
    form = choose_format(form, out, as_json=as_json)
    if out is not None:
        require_free(out, force=force)
    elif limit is None:
        limit = DEFAULT_LIMIT
    wanted = None if columns is None else [name for part in columns.split(",") if (name := part.strip())]
    with installation_for(data, engine=engine) as installation:
        name = who or getuser()
        if engine is None and not is_large(installation, table):
            arrow = installation.table_reader(name)
            found = arrow.read(table, role, purpose, wanted, limit, where=where, customer=customer)
        else:
            with spark_reader(installation, name) as spark:
                found = _fetch(spark.read(table, role, purpose, wanted, limit, where=where, customer=customer))
    write_read(found, form, out, vertical=vertical)


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


def _fetch(found: Read[DataFrame]) -> Read[pa.Table]:
    """Return the same read with its rows in this process."""
    from privacy.access.reader import Read

    return Read(found.frame.toArrow(), found.plan, found.subjects, found.condition)
