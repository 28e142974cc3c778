"""Default values: a phone, e-mail, device or number that records of many different names share is set to null.

Blocking ignores such values already. Setting them to null removes them from the comparison as well. Otherwise two
namesakes would match because both have the telephone number of the shop.
"""

from pipelines.matching.blocking import MAX_BLOCK
from pipelines.matching.workspace import Workspace

MOST_NAMES = 10
"""A value on more than `MAX_BLOCK` records stays if they have at most so many names (typing errors, a family)."""
_PARTS = ("phone", "email", "device", "identifier_")
# Columns that are derived from another column.
_DERIVED_FROM = {"email_local": "email", "email_digits": "email"}


def clear_default_values(connection: Workspace, table: str = "person") -> list[str]:
    """Set default values in a prepared table to null; return one warning per column that had some.

    All values stay if the table has neither names nor birth dates. Nothing then distinguishes a default value from a
    customer with many records.
    """
    columns = [str(r[0]) for r in connection.execute(f"describe {table}").fetchall()]
    name = " || '|' || ".join(f"coalesce({c}::varchar, '')" for c in ("given", "surname") if c in columns)
    name = name or ("birth_date" if "birth_date" in columns else "")
    warnings, cleared = [], {}
    for column in [
        c for c in columns if name and c.startswith(_PARTS) and c not in _DERIVED_FROM and not c.endswith("_bits")
    ]:
        found = connection.execute(
            f"select {column} as value, count(*) as records from {table} semi join (select {column} as common "
            f"from {table} where {column} is not null group by {column} having count(*) > {MAX_BLOCK}) c "
            f"on {column} = c.common group by {column} having count(distinct {name}) > {MOST_NAMES}"
        ).fetchall()
        if found:
            cleared[column] = ", ".join("'" + str(value).replace("'", "''") + "'" for value, _ in found)
            part, records = column.rstrip("_0123456789"), sum(int(count) for _, count in found)
            warnings.append(
                f"{part}: {records} records have one of {len(found)} values that more than {MAX_BLOCK} records of more "
                f"than {MOST_NAMES} names share. Such a value is a default value and was treated as unknown. "
                "If the records have real values, correct them in the file."
            )
    if cleared:
        kept = ", ".join(_kept(column, cleared) for column in columns)
        connection.execute(f"create or replace table {table} as select {kept} from {table}")
    return warnings


def clear_values_null_in(connection: Workspace, table: str, reference: str) -> None:
    """Set each value of `table` to null where `reference` has null for the same record and column.

    `reference` is a table of the same records (column `rid`), for example of their sketches, of which
    `clear_default_values` has removed the default values.
    """
    columns = [str(r[0]) for r in connection.execute(f"describe {table}").fetchall()]
    present = {str(r[0]) for r in connection.execute(f"describe {reference}").fetchall()}
    owners = {c: _DERIVED_FROM.get(c, c) for c in columns if c.startswith(_PARTS) and not c.endswith("_bits")}
    kept = ", ".join(
        f"case when s.{owners[c]} is null then null else p.{c} end as {c}" if owners.get(c) in present else f"p.{c}"
        for c in columns
    )
    connection.execute(
        f"create or replace table {table} as select {kept} from {table} p join {reference} s using (rid)"
    )


def _kept(column: str, cleared: dict[str, str]) -> str:
    own = _DERIVED_FROM.get(column, column)
    if own not in cleared:
        return column
    return f"case when {own} in ({cleared[own]}) then null else {column} end as {column}"
