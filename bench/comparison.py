"""Compares the tables of two runs over the same landed files, for example on two engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from installation.contract.document import Contract, load_contracts
from pipelines.unify.registry import TABLES

TOLERANCE = 1e-9
# Tables that may differ: these models are estimated anew in each run, from rows in the order of random customer ids.
ESTIMATED = frozenset({"silver/identity_model", "gold/insight_model", "gold/customer_score"})
# Columns with the time of a run, which differs between runs.
RUN_TIMES = frozenset({"changed_at", "last_seen_at", "seen_at"})
# A statement that could not be read is recorded at the time of the run; others at the time that the source states.
RECORDED_IN_RUN = {"recorded_at": "l.state = 'unread'"}
# Encrypted columns: each encryption draws a new nonce, so equal values differ.
ENCRYPTED = frozenset({"sketch"})
_IDS = "customer_id"
_FLOATS = ("double", "float")


COMPARED = tuple(table.name for table in TABLES if table.name not in ESTIMATED)


def differences(left: Path, right: Path, tables: Sequence[str] = COMPARED) -> dict[str, str]:
    """Return a description of the differences by silver and gold table; empty if both data folders are equal.

    Rows are matched by the primary key of their contract. Customer ids are random. Those of the right folder are
    first replaced by the ids that the left folder has for the same matching keys. Both runs must therefore use the
    same token key. Times of the run and encrypted values are not compared.
    """
    contracts = load_contracts()
    session = duckdb.connect()
    names = _translation(session, left, right)
    found = {"silver/identifier": names} if names else {}
    for name in tables:
        for side, folder in (("l", left), ("r", right)):
            session.register(side, read_rows(folder / "lakehouse" / name))
        message = "; ".join(_table_differences(session, contracts.table(name)))
        if message:
            found[name] = "; ".join(filter(None, (found.get(name), message)))
    return found


def read_rows(path: Path) -> pa.Table:
    """Return the rows of a Delta table, without rows that a deletion vector removes."""
    rows = QueryBuilder().register("delta_table", DeltaTable(path)).execute("SELECT * FROM delta_table").read_all()
    return pa.table(rows)


def _translation(session: duckdb.DuckDBPyConnection, left: Path, right: Path) -> str:
    """Write the table `same` of equal customer ids (right, left); return a message if the grouping differs, else ''."""
    for side, folder in (("l", left), ("r", right)):
        session.register(side, read_rows(folder / "lakehouse/silver/identifier"))
    session.execute(
        f"CREATE TABLE same AS SELECT DISTINCT r.{_IDS} AS theirs, l.{_IDS} AS ours "
        "FROM r JOIN l USING (token_kind, token)"
    )
    counts = _numbers(session, "SELECT count(*), count(DISTINCT theirs), count(DISTINCT ours) FROM same")
    if counts[0] == counts[1] == counts[2]:
        return ""
    return f"customers are grouped differently: {counts[1]} and {counts[2]} customers form {counts[0]} pairs"


def _table_differences(session: duckdb.DuckDBPyConnection, contract: Contract) -> Iterator[str]:
    names = [column.name for column in contract.columns]
    people = [name for name in names if name.endswith(_IDS)]
    translated = ", ".join(
        f'coalesce((SELECT min(ours) FROM same WHERE theirs = r."{name}"), r."{name}") AS "{name}"'
        if name in people
        else f'r."{name}"'
        for name in names
    )
    session.execute(f"CREATE OR REPLACE TEMP TABLE theirs AS SELECT {translated} FROM r")
    keys = ", ".join(f'"{name}"' for name in contract.primary_key)
    on = " AND ".join(f'l."{name}" IS NOT DISTINCT FROM t."{name}"' for name in contract.primary_key)
    counts = _numbers(
        session,
        "SELECT (SELECT count(*) FROM l), (SELECT count(*) FROM theirs), "
        f"(SELECT count(*) FROM (SELECT DISTINCT {keys} FROM l)), (SELECT count(*) FROM l JOIN theirs t ON {on})",
    )
    if len(set(counts)) > 1:
        yield "{} rows and {}, {} keys, {} in common".format(*counts)
    for column in contract.columns:
        if column.name in RUN_TIMES | ENCRYPTED:
            continue
        one, two = f'l."{column.name}"', f't."{column.name}"'
        is_same = f"{one} IS NOT DISTINCT FROM {two}"
        if column.spark_type in _FLOATS:
            reach = f"{TOLERANCE} * greatest(1, abs({one}))"
            is_same = f"({is_same} OR coalesce(abs({one} - {two}) <= {reach}, false))"
        if column.name in RECORDED_IN_RUN and "state" in names:
            is_same = f"({is_same} OR {RECORDED_IN_RUN[column.name]})"
        wrong = _numbers(session, f"SELECT count(*) FROM l JOIN theirs t ON {on} WHERE NOT {is_same}")[0]
        if wrong:
            yield f"{column.name} in {wrong} rows"


def _numbers(session: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row: tuple[int, ...] = session.execute(query).fetchall()[0]
    return row
