"""Tables as Arrow, without an engine: read with SQL, appended to, overwritten, and their history."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from installation.errors import LakehouseError
from installation.lakehouse.lakehouse import Lakehouse

TABLE = "silver/number"


@pytest.fixture
def lakehouse(tmp_path: Path) -> Lakehouse:
    filled = Lakehouse(str(tmp_path))
    filled.append_rows(TABLE, pa.table({"id": [1, 2], "name": ["a", "b"]}))
    return filled


def test_rows_are_read_by_column_and_by_condition(lakehouse: Lakehouse) -> None:
    assert lakehouse.rows(TABLE, ["name"]).to_pydict() == {"name": ["a", "b"]}
    assert lakehouse.select(TABLE, "count(*) AS rows", "id > 1")["rows"].to_pylist() == [1]
    assert lakehouse.rows(TABLE).schema.field("name").type == pa.string()


def test_a_list_of_texts_has_the_plain_type(lakehouse: Lakehouse) -> None:
    lakehouse.append_rows("silver/word", pa.table({"words": [["a", "b"], None]}))
    found = lakehouse.rows("silver/word")
    assert found.schema.field("words").type.value_type == pa.string()
    assert found["words"].to_pylist() == [["a", "b"], None]


def test_an_append_adds_a_version_and_an_overwrite_replaces_rows_and_schema(lakehouse: Lakehouse) -> None:
    lakehouse.append_rows(
        TABLE, pa.table({"id": [3], "name": [None]}, pa.schema([("id", "int64"), ("name", "string")]))
    )
    assert (lakehouse.version(TABLE), lakehouse.rows(TABLE).num_rows) == (1, 3)
    lakehouse.overwrite_rows(TABLE, pa.table({"other": [1.5]}))
    assert lakehouse.rows(TABLE).to_pydict() == {"other": [1.5]}
    assert [commit.version for commit in lakehouse.history(TABLE)] == [2, 1, 0]


def test_deleted_rows_are_left_out_and_forgotten_with_their_history(lakehouse: Lakehouse) -> None:
    assert lakehouse.delete(TABLE, "id = 1") == 1
    assert lakehouse.rows(TABLE)["id"].to_pylist() == [2]
    files = set(Path(lakehouse.path(TABLE)).glob("*.parquet"))
    assert lakehouse.forget_history(TABLE)
    assert lakehouse.rows(TABLE)["id"].to_pylist() == [2]
    assert set(Path(lakehouse.path(TABLE)).glob("*.parquet")) < files


@pytest.mark.parametrize("name", ["customer", "silver/", "../x", "silver/a/b", "Silver/x"])
def test_a_name_that_is_not_layer_and_table_is_refused(lakehouse: Lakehouse, name: str) -> None:
    with pytest.raises(LakehouseError, match="is not a table name"):
        lakehouse.rows(name)


def test_a_missing_table_is_named_with_the_next_step(lakehouse: Lakehouse) -> None:
    with pytest.raises(LakehouseError, match=r"There is no table silver/none.*bojagi run"):
        lakehouse.rows("silver/none")
    assert lakehouse.version("silver/none") is None


def test_an_object_store_that_does_not_answer_is_named_in_one_line() -> None:
    options = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "x", "max_retries": "0",
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
    }  # fmt: skip
    with pytest.raises(
        LakehouseError, match=r"s3://nowhere/x cannot be used: no server answers at http://127.0.0.1:9. Start it"
    ) as caught:
        Lakehouse("s3://nowhere/x", options).exists("gold/sales")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_the_size_of_a_table_is_that_of_the_files_of_its_newest_version(lakehouse: Lakehouse) -> None:
    lakehouse.append_rows("silver/sized", pa.table({"n": list(range(1000))}))
    lakehouse.overwrite_rows("silver/sized", pa.table({"n": [1]}))
    files = sorted(Path(lakehouse.path("silver/sized")).glob("*.parquet"), key=lambda file: file.stat().st_mtime_ns)
    assert lakehouse.size_bytes("silver/sized") == files[-1].stat().st_size
    assert len(files) == 2
