"""Writes column names and values as Spark SQL text that both engines parse alike."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

Literal = str | int | float | bool | Decimal | date | datetime


def name(column: str) -> str:
    """Return a column's name in quotes.

    >>> name("order no")
    '`order no`'
    """
    return "`" + column.replace("`", "``") + "`"


def literal(value: Literal) -> str:
    r"""Return a value as a SQL literal. A datetime becomes a timestamp without time zone, like event times.

    >>> literal("it's \\d")
    "'it\\'s \\\\d'"
    >>> literal(datetime(2017, 1, 2, 3)), literal(date(2017, 1, 2)), literal(True), literal(1.5)
    ("timestamp_ntz'2017-01-02 03:00:00'", "date'2017-01-02'", 'true', '1.5D')
    """
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"timestamp_ntz'{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"date'{value.isoformat()}'"
    if isinstance(value, float):
        return f"{value!r}D"
    return str(value)


def list_of(values: tuple[Literal, ...]) -> str:
    """Return a list of literals for a SQL IN condition.

    >>> list_of((1, 2))
    '(1, 2)'
    """
    return "(" + ", ".join(literal(value) for value in values) + ")"


def view_name(table: str) -> str:
    """Return the name of the temporary view under which a SQL rule finds a table.

    >>> view_name("bronze/delivery")
    'bronze_delivery'
    """
    return table.replace("/", "_")
