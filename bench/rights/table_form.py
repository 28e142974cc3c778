"""Plants persons in Delta tables of every form, for the measurements of residue."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

from privacy.protection.scan.needle import Needle
from privacy.rights.subject import Subject, new_reference

COLUMNS = ("customer_id", "email_token", "email", "note", "amount")


@dataclass(frozen=True)
class Person:
    """An invented person of the tables: two customer ids, of which the second was merged into the first."""

    number: int
    customer_ids: tuple[str, str]
    token: str
    email: str

    def subject(self) -> Subject:
        """Return the person as a look-up would."""
        return Subject(
            new_reference(), self.customer_ids, (), (("email", self.token),), (), (Needle("email", self.email),)
        )


def invent(count: int, seed: int = 7) -> list[Person]:
    """Return persons with opaque ids, random tokens and unique addresses."""
    source = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz234567"

    def customer_id() -> str:
        return "c_" + "".join(source.choices(letters, k=26))

    return [
        Person(
            n, (customer_id(), customer_id()), f"{source.getrandbits(256):064x}", f"person.{n:06d}.planted@example.org"
        )
        for n in range(count)
    ]


def rows_of(persons: Iterable[Person], rows_each: int, seed: int = 11) -> pa.Table:
    """Return rows of the persons in a random order; each person's addresses are in clear as well, as a worst case."""
    source = random.Random(seed)
    rows = [
        (person.customer_ids[n % 2], person.token, person.email, f"note {n} of {person.token}", source.randrange(1000))
        for person in persons
        for n in range(rows_each)
    ]
    source.shuffle(rows)
    columns = [list(values) for values in zip(*rows, strict=True)]
    return pa.table(dict(zip(COLUMNS, columns, strict=True)))


def plain(path: str, rows: pa.Table) -> None:
    """Write one version."""
    write_deltalake(path, rows)


def partitioned(path: str, rows: pa.Table) -> None:
    """Write a table that is partitioned by a bucket of the amount."""
    bucket = pa.array([amount % 8 for amount in rows["amount"].to_pylist()])
    write_deltalake(path, rows.append_column("bucket", bucket), partition_by=["bucket"])


def partitioned_by_person(path: str, rows: pa.Table) -> None:
    """Write a table whose folders have the names of customers."""
    few = rows.slice(0, 200)
    write_deltalake(path, few, partition_by=["customer_id"])
    write_deltalake(path, rows.slice(200), mode="append")


def compacted(path: str, rows: pa.Table) -> None:
    """Write many small files and compact them; the small files stay."""
    step = max(1, rows.num_rows // 12)
    for start in range(0, rows.num_rows, step):
        write_deltalake(path, rows.slice(start, step), mode="append")
    DeltaTable(path).optimize.compact()


def merged_customer(path: str, rows: pa.Table) -> None:
    """Write a table and change the second id of each person into the first, as a merge of customers does."""
    write_deltalake(path, rows)
    table = DeltaTable(path)
    # One row a person: several source rows for one target row would be ambiguous.
    first = rows.slice(0, 400).group_by("email_token").aggregate([("customer_id", "min")])
    table.merge(
        first, predicate="t.email_token = s.email_token", source_alias="s", target_alias="t"
    ).when_matched_update({"customer_id": "s.customer_id_min"}).execute()


def often_updated(path: str, rows: pa.Table) -> None:
    """Write a table and update it many times with literal identifiers in the conditions, past a checkpoint."""
    write_deltalake(path, rows)
    emails = rows["email"].slice(0, 24).to_pylist()
    for round_number, email in enumerate(emails):
        DeltaTable(path).update({"amount": f"{round_number}"}, predicate=f"email = '{email}'")
    DeltaTable(path).create_checkpoint()
    DeltaTable(path).delete(f"email = '{rows['email'][-1].as_py()}' AND amount = 1")


def aborted_write(path: str, rows: pa.Table) -> None:
    """Write a table, and data files that no commit names."""
    write_deltalake(path, rows)
    for name in ("part-00000-aborted-c000.snappy.parquet", "_temporary/0/part-aborted.parquet"):
        target = Path(path) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, target)


def cloned(path: str, rows: pa.Table) -> None:
    """Write a table and a deep copy of its folder beside it, as a backup of a table by hand leaves."""
    write_deltalake(path, rows)
    shutil.copytree(path, f"{path}_clone")


FORMS: dict[str, Callable[[str, pa.Table], None]] = {
    one.__name__: one
    for one in (
        plain, partitioned, partitioned_by_person, compacted, merged_customer, often_updated, aborted_write, cloned,
    )
}  # fmt: skip
"""Writers of the forms that need no engine, by name."""


def with_spark(folder: Path, rows: pa.Table) -> None:
    """Write with Apache Spark: deletion vectors, change data feed, updates and deletes, and a shallow clone."""
    from installation.settings import load_settings
    from pipelines.engine.session import open_engine

    staged = folder.parent / "staged.parquet"
    pq.write_table(rows, staged)
    path = folder / "spark_written"
    with open_engine(load_settings(engine="spark", data_dir=folder.parent, engine_memory="1GB")) as engine:
        sql = engine.spark.sql
        sql(
            f"CREATE TABLE delta.`{path}` USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', "
            f"'delta.enableChangeDataFeed' = 'true') AS SELECT * FROM parquet.`{staged}`"
        )
        sql(f"UPDATE delta.`{path}` SET amount = amount + 1 WHERE amount % 7 = 3")
        sql(f"DELETE FROM delta.`{path}` WHERE email LIKE 'person.00000%' AND amount % 5 = 1")
        sql(f"CREATE TABLE delta.`{folder / 'spark_clone'}` SHALLOW CLONE delta.`{path}`")
    staged.unlink()
