import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame

from installation.errors import LakehouseError
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.contract.column import Column
from privacy.contract.document import Document
from tests.engines import Engines

FIRST, SECOND, THIRD = (datetime.date(2017, 1, day) for day in (1, 2, 3))


def shape(**columns: str) -> Document:
    """A contract of a table with these Spark SQL types, as far as the lakehouse reads it."""
    listed = tuple(Column(name, name, "", kind, "") for name, kind in columns.items())
    return Document("silver.number", "number", "silver", "1", listed)


def rows(frame: DataFrame) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=repr)


def numbers(lakehouse: SparkLakehouse, values: str) -> DataFrame:
    return lakehouse.spark.sql(f"SELECT * FROM VALUES {values} AS t(id, name, day)")


@pytest.fixture
def filled(lakehouse: SparkLakehouse) -> SparkLakehouse:
    frame = numbers(lakehouse, "(1, 'a', DATE'2017-01-01'), (2, 'b', DATE'2017-01-02'), (3, 'c', DATE'2017-01-02')")
    lakehouse.overwrite("silver/number", frame, partition_by=("day",), fingerprint="one")
    return lakehouse


def test_a_table_reads_back_as_written(filled: SparkLakehouse) -> None:
    assert rows(filled.read("silver/number")) == [(1, "a", FIRST), (2, "b", SECOND), (3, "c", SECOND)]
    assert filled.delta("silver/number").metadata().partition_columns == ["day"]
    assert filled.version("silver/number") == 0


def test_a_missing_table_is_named(lakehouse: SparkLakehouse) -> None:
    assert not lakehouse.exists("silver/none")
    assert lakehouse.version("silver/none") is None
    assert lakehouse.fingerprint("silver/none") is None
    for look in (lakehouse.read, lakehouse.history, lakehouse.compact):
        with pytest.raises(LakehouseError, match="There is no table silver/none"):
            look("silver/none")


def test_a_pinned_table_stays_as_it_is_whatever_others_commit(filled: SparkLakehouse) -> None:
    other, added = SparkLakehouse(filled.root, filled.spark), "(4, 'd', DATE'2017-01-01')"
    filled.pin(["silver/number", "silver/new"])
    for table in ("silver/number", "silver/new"):
        other.append(table, numbers(other, added))
    other.compact("silver/number")
    assert len(rows(filled.read("silver/number"))) == 3
    assert filled.rows("silver/number").num_rows == 3
    assert (filled.version("silver/number"), filled.exists("silver/new")) == (0, False)
    filled.unpin(["silver/number"])
    filled.pin(["silver/new"])
    assert len(rows(filled.read("silver/number"))) == 4
    assert rows(filled.read("silver/new")) == [(4, "d", FIRST)]


@pytest.mark.parametrize("name", ["customer", "silver/", "../x", "silver/a/b", "Silver/x"])
def test_a_wrong_name_is_refused(sail: Engine, name: str) -> None:
    with pytest.raises(LakehouseError, match="is not a table name"):
        SparkLakehouse("/nowhere", sail.spark).path(name)


def test_without_an_engine_rows_are_read_as_arrow(lakehouse: SparkLakehouse) -> None:
    lakehouse.append("silver/number", numbers(lakehouse, "(1, 'a', DATE'2017-01-01'), (2, 'b', DATE'2017-01-02')"))
    bare = Lakehouse(lakehouse.root)
    assert bare.version("silver/number") == 0
    assert sorted(bare.rows("silver/number", ["id"])["id"].to_pylist()) == [1, 2]
    assert bare.select("silver/number", "name", "id = 2")["name"].to_pylist() == ["b"]
    with pytest.raises(LakehouseError, match="There is no table silver/none"):
        bare.rows("silver/none")


def test_a_url_root_works_like_a_folder(engine: Engine, tmp_path: Path) -> None:
    lakehouse = SparkLakehouse(f"file://{tmp_path}/lake/", engine.spark)
    lakehouse.append("silver/number", numbers(lakehouse, "(1, 'a', DATE'2017-01-01')"))
    lakehouse.merge("silver/number", numbers(lakehouse, "(1, 'b', DATE'2017-01-01')"), ["id"])
    assert rows(lakehouse.read("silver/number")) == [(1, "b", FIRST)]
    assert (tmp_path / "lake" / "silver" / "number" / "_delta_log").is_dir()


def test_append_adds_rows_and_new_columns(filled: SparkLakehouse) -> None:
    wider = filled.spark.sql("SELECT 4 AS id, 'd' AS name, DATE'2017-01-03' AS day, 1.5D AS weight")
    filled.append("silver/number", wider)
    assert rows(filled.read("silver/number").where("id >= 3")) == [
        (3, "c", SECOND, None),
        (4, "d", THIRD, 1.5),
    ]


def test_a_null_is_welcome_in_a_column_that_had_none(filled: SparkLakehouse) -> None:
    filled.append(
        "silver/number",
        filled.spark.sql("SELECT 9 AS id, CAST(NULL AS STRING) AS name, DATE'2017-01-03' AS day"),
    )
    assert rows(filled.read("silver/number").where("name IS NULL")) == [(9, None, THIRD)]


def test_overwrite_replaces_schema_and_rows_in_one_commit(filled: SparkLakehouse) -> None:
    filled.overwrite("silver/number", filled.spark.sql("SELECT 'x' AS other"))
    assert rows(filled.read("silver/number")) == [("x",)]
    assert filled.version("silver/number") == 1
    assert rows(filled.read("silver/number", version=0))[0] == (1, "a", FIRST)


def test_replace_days_touches_only_those_days(filled: SparkLakehouse) -> None:
    fresh = numbers(filled, "(7, 'z', DATE'2017-01-02'), (8, 'other day', DATE'2017-01-01')")
    filled.replace_days("silver/number", fresh, "day", [SECOND, THIRD], fingerprint="two")
    assert rows(filled.read("silver/number")) == [(1, "a", FIRST), (7, "z", SECOND)]
    assert filled.version("silver/number") == 1
    assert filled.fingerprint("silver/number") == "two"


def test_replace_days_makes_a_table_and_ignores_no_days(lakehouse: SparkLakehouse) -> None:
    fresh = numbers(lakehouse, "(7, 'z', DATE'2017-01-02')")
    lakehouse.replace_days("silver/number", fresh, "day", [])
    assert not lakehouse.exists("silver/number")
    lakehouse.replace_days("silver/number", fresh, "day", [SECOND])
    assert rows(lakehouse.read("silver/number")) == [(7, "z", SECOND)]
    assert lakehouse.delta("silver/number").metadata().partition_columns == ["day"]


def test_merge_updates_and_inserts(filled: SparkLakehouse) -> None:
    filled.merge("silver/number", numbers(filled, "(3, 'C', DATE'2017-01-02'), (4, 'd', DATE'2017-01-03')"), ["id"])
    assert [row[:2] for row in rows(filled.read("silver/number"))] == [(1, "a"), (2, "b"), (3, "C"), (4, "d")]
    assert filled.fingerprint("silver/number") is None


def test_merge_refuses_two_rows_of_one_key_and_changes_nothing(filled: SparkLakehouse) -> None:
    before = rows(filled.read("silver/number"))
    twice = numbers(filled, "(3, 'C', DATE'2017-01-02'), (3, 'D', DATE'2017-01-02')")
    with pytest.raises(LakehouseError, match="Writing silver/number failed; the table is unchanged"):
        filled.merge("silver/number", twice, ["id"])
    assert rows(filled.read("silver/number")) == before


def test_a_contract_selects_orders_and_casts(lakehouse: SparkLakehouse) -> None:
    contract = shape(day="date", id="bigint", price="decimal(12,2)", at="timestamp_ntz", name="string")
    frame = lakehouse.spark.sql(
        "SELECT 1 AS id, 'a' AS name, '2.50' AS price, DATE'2017-01-01' AS day, '2017-01-01 10:00:00' AS at"
    )
    lakehouse.overwrite("silver/priced", frame, contract=contract)
    assert lakehouse.read("silver/priced").schema.simpleString() == (
        "struct<day:date,id:bigint,price:decimal(12,2),at:timestamp_ntz,name:string>"
    )


def test_a_frame_that_does_not_fit_its_contract_is_refused(lakehouse: SparkLakehouse) -> None:
    frame = lakehouse.spark.sql("SELECT 1 AS id, 2 AS extra")
    with pytest.raises(LakehouseError, match=r"missing \['name'\], not in the contract \['extra'\]"):
        lakehouse.append("silver/number", frame, contract=shape(id="int", name="string"))
    assert not lakehouse.exists("silver/number")


def test_a_fingerprint_survives_maintenance_but_no_other_write(filled: SparkLakehouse) -> None:
    assert filled.fingerprint("silver/number") == "one"
    filled.append("silver/number", numbers(filled, "(4, 'd', DATE'2017-01-02')"), fingerprint="two")
    filled.compact("silver/number")
    filled.vacuum("silver/number", retention_hours=0)
    filled.clean_log("silver/number")
    assert filled.fingerprint("silver/number") == "two"
    filled.append("silver/number", numbers(filled, "(5, 'e', DATE'2017-01-02')"))
    assert filled.fingerprint("silver/number") is None


def test_vacuum_removes_what_no_version_needs(filled: SparkLakehouse) -> None:
    filled.overwrite("silver/number", numbers(filled, "(9, 'z', DATE'2017-01-02')"))
    removed = filled.vacuum("silver/number", retention_hours=0)
    assert len(removed) in (2, 3)
    assert rows(filled.read("silver/number")) == [(9, "z", SECOND)]
    assert [commit.operation for commit in filled.history("silver/number", 2)] == [
        "VACUUM END",
        "VACUUM START",
    ]


def test_a_failed_write_leaves_the_table_as_it_was(filled: SparkLakehouse) -> None:
    broken = filled.spark.sql("SELECT CAST(raise_error('no') AS INT) AS id, 'x' AS name, DATE'2017-01-01' AS day")
    with pytest.raises(LakehouseError, match="the table is unchanged"):
        filled.overwrite("silver/number", broken)
    assert filled.version("silver/number") == 0


@pytest.mark.spark
def test_each_engine_reads_what_the_other_wrote(engines: Engines, engine: Engine, tmp_path: Path) -> None:
    other = engines.open("sail" if engine.name == "spark" else "spark")
    written = SparkLakehouse(str(tmp_path), engine.spark)
    frame = engine.spark.sql(
        "SELECT 1 AS id, CAST(2.50 AS DECIMAL(12,2)) AS price, "
        "timestamp_ntz'2017-01-01 10:00:00.123456' AS at, array('가', NULL) AS words"
    )
    written.overwrite("gold/mixed", frame)
    found = SparkLakehouse(str(tmp_path), other.spark)
    found.merge("gold/mixed", found.read("gold/mixed"), ["id"])
    assert rows(found.read("gold/mixed")) == rows(written.read("gold/mixed"))
    types = [one.read("gold/mixed").schema.simpleString() for one in (found, written)]
    assert types[0] == types[1]


DAYS = st.sampled_from([FIRST, SECOND, THIRD])
ROWS = st.lists(st.tuples(st.integers(0, 5), DAYS), max_size=6)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["append", "overwrite", "replace"]), ROWS, st.sets(DAYS)),
        min_size=1,
        max_size=5,
    )
)
def test_any_sequence_of_writes_equals_lists(
    sail: Engine, tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    lakehouse = SparkLakehouse(str(tmp_path_factory.mktemp("lake")), sail.spark)
    expected: list[tuple[int, datetime.date]] = []
    lakehouse.overwrite("silver/x", _frame(lakehouse, expected), partition_by=("day",))
    for kind, written, days in steps:
        frame = _frame(lakehouse, written)
        if kind == "append":
            lakehouse.append("silver/x", frame)
            expected = expected + written
        elif kind == "overwrite":
            lakehouse.overwrite("silver/x", frame, partition_by=("day",))
            expected = list(written)
        else:
            lakehouse.replace_days("silver/x", frame, "day", sorted(days))
            kept = [row for row in expected if row[1] not in days]
            expected = kept + [row for row in written if row[1] in days]
    assert rows(lakehouse.read("silver/x")) == sorted(expected, key=repr)


def _frame(lakehouse: SparkLakehouse, values: list[tuple[int, datetime.date]]) -> DataFrame:
    return lakehouse.spark.createDataFrame(values, "id INT, day DATE")
