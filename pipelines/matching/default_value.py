"""Values that a form fills in by itself: what hundreds of people of many names share tells nobody apart.

Blocking sets such values aside already; here they stop being evidence as well, so that two namesakes are not one person
because the shop's own telephone number stands beside both.
"""

from pipelines.matching.blocking import MAX_BLOCK
from pipelines.matching.workspace import Workspace

MOST_NAMES = 10
"""A value of more than `MAX_BLOCK` records is somebody's own if they are of no more names: typing errors, a family."""
_PARTS = ("phone", "email", "device", "identifier_")
# Columns that are made of another.
_MADE_OF = {"email_local": "email", "email_digits": "email"}


def forget_defaults(connection: Workspace, table: str = "person") -> list[str]:
    """Set values that stand for nobody to null; return what the reader should know of them.

    Without a name or birth date in the file nothing tells a default value from a busy customer, and all stay.
    """
    columns = [str(r[0]) for r in connection.execute(f"describe {table}").fetchall()]
    who = " || '|' || ".join(f"coalesce({c}::varchar, '')" for c in ("given", "surname") if c in columns)
    who = who or ("birth_date" if "birth_date" in columns else "")
    told, forgotten = [], {}
    for column in [
        c for c in columns if who and c.startswith(_PARTS) and c not in _MADE_OF and not c.endswith("_bits")
    ]:
        found = connection.execute(
            f"select {column} as value, count(*) as records from {table} semi join (select {column} as common "
            f"from {table} where {column} is not null group by {column} having count(*) > {MAX_BLOCK}) c "
            f"on {column} = c.common group by {column} having count(distinct {who}) > {MOST_NAMES}"
        ).fetchall()
        if found:
            forgotten[column] = ", ".join("'" + str(value).replace("'", "''") + "'" for value, _ in found)
            part, records = column.rstrip("_0123456789"), sum(int(count) for _, count in found)
            told.append(
                f"{part}: {records} records share one of {len(found)} values with more than {MAX_BLOCK} records of "
                f"more than {MOST_NAMES} names; such a value stands for nobody and was taken as unknown."
            )
    if forgotten:
        kept = ", ".join(_kept(column, forgotten) for column in columns)
        connection.execute(f"create or replace table {table} as select {kept} from {table}")
    return told


def forget_alike(connection: Workspace, table: str, stand_ins: str) -> None:
    """Set to null what another table of the same records, with something that stands for each value, has not kept."""
    columns = [str(r[0]) for r in connection.execute(f"describe {table}").fetchall()]
    held = {str(r[0]) for r in connection.execute(f"describe {stand_ins}").fetchall()}
    owners = {c: _MADE_OF.get(c, c) for c in columns if c.startswith(_PARTS) and not c.endswith("_bits")}
    kept = ", ".join(
        f"case when s.{owners[c]} is null then null else p.{c} end as {c}" if owners.get(c) in held else f"p.{c}"
        for c in columns
    )
    connection.execute(
        f"create or replace table {table} as select {kept} from {table} p join {stand_ins} s using (rid)"
    )


def _kept(column: str, forgotten: dict[str, str]) -> str:
    own = _MADE_OF.get(column, column)
    if own not in forgotten:
        return column
    return f"case when {own} in ({forgotten[own]}) then null else {column} end as {column}"
