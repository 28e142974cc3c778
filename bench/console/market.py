"""Multiplies a small market into one of many customers: the same rows and consents under other identifiers."""

from __future__ import annotations

import base64
import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from agent_serving.console.subject import Reader, SubjectIndex
from installation.installation import Installation
from installation.lakehouse.lakehouse import Lakehouse
from privacy.access.pseudonym import pseudonyms
from privacy.access.table_part import CUSTOMER_KEY
from tests.agent_serving.console.console_shop import PURPOSES

TABLES = (
    "silver/customer", "silver/customer_attribute", "silver/identifier", "silver/touchpoint_event",
    "silver/sent_profile", "gold/customer_360", "gold/customer_category_share", "gold/customer_journey",
    "gold/customer_monthly_spend", "gold/customer_recent_activity", "gold/customer_repurchase", "gold/customer_score",
    "gold/customer_segment", "gold/order_history", "gold/segment_move",
)  # fmt: skip
"""The tables of one customer's pages."""
_LEFT_BEHIND = ("landing", "truth", "dagster", "quality")


def copied_id(customer: str, copy: int) -> str:
    """Return the identifier of a customer's copy; copies of one customer are far apart in the order of identifiers.

    >>> copied_id("c_a", 0), len(copied_id("c_a", 1)), copied_id("c_a", 1) < copied_id("c_a", 2)
    ('c_a', 28, False)
    """
    if copy == 0:
        return customer
    digest = hashlib.sha256(f"{copy} {customer}".encode()).digest()
    return f"c_{base64.b32encode(digest).decode().lower()[:26]}"


def multiply(small: Path, large: Path, copies: int, *, by_customer: bool) -> list[str]:
    """Write a data folder with so many copies of each customer of a smaller one; return the customers.

    Args:
        small: data folder after a whole run.
        large: the folder to make.
        copies: how many customers each one becomes.
        by_customer: whether the rows of a table are in the order of its customers. Otherwise they are in the order of
            the copies, in which a customer is anywhere, as after a run.
    """
    shutil.copytree(small, large, ignore=shutil.ignore_patterns(*_LEFT_BEHIND))
    source, target = Lakehouse(str(small / "lakehouse")), Lakehouse(str(large / "lakehouse"))
    for table in TABLES:
        if source.exists(table):
            _multiply_table(source, target, table, copies, by_customer=by_customer)
    customers: list[str] = target.rows("silver/customer", [CUSTOMER_KEY])[CUSTOMER_KEY].to_pylist()
    _multiply_consents(large / "consent" / "consent.db", copies)
    return customers


def _multiply_table(source: Lakehouse, target: Lakehouse, table: str, copies: int, *, by_customer: bool) -> None:
    rows = source.rows(table)
    days = source.delta(table).metadata().partition_columns
    place = rows.column_names.index(CUSTOMER_KEY)
    coded = rows[CUSTOMER_KEY].combine_chunks().dictionary_encode()
    known = coded.dictionary.to_pylist()

    def copied() -> Iterator[pa.RecordBatch]:
        for copy in range(copies):
            names = pa.array([None if one is None else copied_id(one, copy) for one in known], pa.string())
            yield from rows.set_column(place, rows.schema.field(place), names.take(coded.indices)).to_batches()

    made = pa.RecordBatchReader.from_batches(rows.schema, copied())
    written = made.read_all().sort_by(CUSTOMER_KEY) if by_customer else made
    write_deltalake(target.path(table), written, mode="overwrite", schema_mode="overwrite", partition_by=days or None)


def _multiply_consents(path: Path, copies: int) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.create_function("copied_id", 2, lambda name, copy: None if name is None else copied_id(name, copy))
        columns = [row[1] for row in db.execute("PRAGMA table_info(record)") if row[1] != "sequence"]
        changed = {"record_id": "record_id || '_' || :copy", "subject_id": "subject_id || '_' || :copy"}
        values = ", ".join(changed.get(name, name) for name in columns)
        records, members = (
            db.execute(f"SELECT max(sequence) FROM {one}").fetchone()[0] for one in ("record", "membership")
        )
        for copy in range(1, copies):
            db.execute(
                f"INSERT INTO record ({', '.join(columns)}) SELECT {values} FROM record WHERE sequence <= :last",
                {"copy": copy, "last": records},
            )
            db.execute(
                "INSERT INTO membership (subject_id, customer_id, from_at) SELECT subject_id || '_' || :copy,"
                " copied_id(customer_id, :copy), from_at FROM membership WHERE sequence <= :last",
                {"copy": copy, "last": members},
            )


def drawn(customers: list[str], count: int) -> list[str]:
    """Return some of the customers, at random but always the same."""
    chosen: list[str] = np.random.default_rng(26).choice(sorted(customers), count, replace=False).tolist()
    return chosen


def simulate(folder: Path) -> Path:
    """Make a market of 150 households by a whole run; return its data folder."""
    for command in (("simulate", "--households", "150", "--out", str(folder)), ("run", "--data", str(folder))):
        subprocess.run([sys.executable, "-m", "pipelines.cli", *command], check=True, stdout=subprocess.DEVNULL)
    return folder


def copied(small: Path, target: Path) -> Path:
    """Return a copy of a data folder in which views may be logged."""
    shutil.copytree(small, target)
    return target


def seen(installation: Installation, role: str, customers: list[str]) -> list[str]:
    """Return the customers as the role sees them."""
    reader = Reader(role, PURPOSES[role])
    if not SubjectIndex(installation).is_pseudonymised(reader):
        return customers
    names = pseudonyms(installation.pseudonym_key, role, reader.purpose, customers)
    return [names[one] for one in customers]
