"""Makes tables that Dagster's UI shows in the metadata of assets and checks."""

from collections.abc import Collection, Iterable, Sequence

import dagster as dg


def table_value(
    headings: Sequence[str], rows: Iterable[Sequence[object]], numbers: Collection[str] = ()
) -> dg.TableMetadataValue:
    """Return a table with these rows; the columns named in `numbers` hold integers. None is an empty cell.

    >>> table_value(("rule", "rows"), [("a", 12), ("b", None)], numbers=["rows"]).records[0].data
    {'rule': 'a', 'rows': 12}
    """
    schema = dg.TableSchema(
        [dg.TableColumn(heading, "int" if heading in numbers else "string") for heading in headings]
    )
    records = [dg.TableRecord(dict(zip(headings, map(_cell, row), strict=True))) for row in rows]
    return dg.MetadataValue.table(records, schema)


def _cell(value: object) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return "" if value is None else str(value)
