"""A table of an object store is read by an engine, and from a copy that is always the newest version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from installation.lakehouse.lakehouse import Lakehouse
from installation.settings import load_settings
from pipelines.engine.session import open_engine
from pipelines.lakehouse import table_copy
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from tests.object_store import ObjectStore, object_store

TABLE = "gold/number"


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as running:
        running.new_bucket("shop")
        yield running


@pytest.fixture
def lakehouse(server: ObjectStore, tmp_path: Path) -> Iterator[SparkLakehouse]:
    options = server.options
    with open_engine(load_settings(data_dir=tmp_path, storage_options=options)) as sail:
        opened = SparkLakehouse(f"s3://shop/{tmp_path.name}", sail.spark, options, tmp_path / "copies")
        yield opened
        opened.close()
        assert not (tmp_path / "copies").exists()


def numbers(*values: int) -> pa.Table:
    return pa.table({"id": pa.array(values, pa.int64())})


def read(lakehouse: SparkLakehouse) -> list[int]:
    return sorted(row["id"] for row in lakehouse.read(TABLE).collect())


def test_an_engine_reads_and_writes_an_object_store(lakehouse: SparkLakehouse, tmp_path: Path) -> None:
    spark = lakehouse.spark
    lakehouse.overwrite(TABLE, spark.createDataFrame([(1,), (2,)], "id long"), fingerprint="one")
    lakehouse.merge(TABLE, spark.createDataFrame([(2,), (3,)], "id long"), ["id"])
    lakehouse.append(TABLE, spark.createDataFrame([(9,)], "id long"))
    assert read(lakehouse) == [1, 2, 3, 9]
    plain = SparkLakehouse(lakehouse.root, spark, lakehouse.storage_options)
    assert read(plain) == [1, 2, 3, 9]  # without a copy
    assert sorted(plain.rows(TABLE)["id"].to_pylist()) == [1, 2, 3, 9]
    assert sorted(row["id"] for row in lakehouse.read(TABLE, version=0).collect()) == [1, 2]


def test_a_copy_follows_the_table_and_fetches_each_file_once(
    lakehouse: SparkLakehouse, server: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    original = table_copy.fetch_file
    monkeypatch.setattr(table_copy, "fetch_file", lambda *given: fetched.append(given[1].base_name) or original(*given))
    remote = Lakehouse(lakehouse.root, lakehouse.storage_options)
    remote.overwrite_rows(TABLE, numbers(1, 2))
    before = lakehouse.read(TABLE)
    assert read(lakehouse) == [1, 2]
    assert read(lakehouse) == [1, 2]
    assert len(fetched) == 2  # a data file and an entry of the log
    remote.append_rows(TABLE, numbers(3))
    assert read(lakehouse) == [1, 2, 3]
    assert len(fetched) == 4
    remote.overwrite_rows(TABLE, numbers(4))
    remote.forget_history(TABLE)
    assert read(lakehouse) == [4]
    assert before.columns == ["id"]
    # A table that was made anew begins at version 0 again.
    for key in server.keys("shop"):
        server.client.delete_object(Bucket="shop", Key=key)
    remote.overwrite_rows(TABLE, numbers(5))
    assert read(lakehouse) == [5]


def test_a_large_table_is_read_from_the_store(lakehouse: SparkLakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    Lakehouse(lakehouse.root, lakehouse.storage_options).overwrite_rows(TABLE, numbers(1))
    monkeypatch.setattr(table_copy, "MOST_BYTES", 10)
    assert table_copy.TableCopies(lakehouse, Path("/nowhere")).location(TABLE) == f"{lakehouse.root}/{TABLE}"
    assert read(lakehouse) == [1]
