import datetime
import json
import random
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from pipelines.ingest import staging_area
from pipelines.ingest.staging_area import LONGEST_STATISTIC, StagedFile, StagingArea

NOW = datetime.datetime.fromisoformat("2018-01-01T00:00:00")


def new_staging_area(folder: Path, **options: dict[str, pa.DataType]) -> StagingArea:
    return StagingArea(pafs.LocalFileSystem(), str(folder), **options)  # type: ignore[arg-type]


def staged(folder: Path, table: pa.Table) -> StagedFile:
    staging = new_staging_area(folder)
    for batch in table.to_batches():
        staging.write(batch)
    (file,) = staging.finish()
    return file


def test_rows_are_read_back_in_order_across_groups_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging_area, "GROUP_ROWS", 10)
    monkeypatch.setattr(staging_area, "FILE_ROWS", 25)
    staging = new_staging_area(tmp_path)
    rng = random.Random(1)
    for start in range(0, 100, 4):
        word = pa.array([rng.choice("abc") for _ in range(4)]).dictionary_encode()
        staging.write(pa.RecordBatch.from_arrays([pa.array(range(start, start + 4)), word], ["n", "word"]))
    files = staging.finish()
    assert len(files) == 3
    assert sum(file.rows for file in files) == 100
    assert [n for file in files for batch in staging.read(file) for n in batch.column("n").to_pylist()] == list(
        range(100)
    )
    assert pq.read_schema(tmp_path / files[0].path).field("word").type == pa.string()
    staging.discard()
    assert list(tmp_path.iterdir()) == []


def test_file_statistics_hold_the_exact_bounds_of_columns(tmp_path: Path) -> None:
    table = pa.table(
        {
            "n": [3, None, -1],
            "day": [NOW.date(), datetime.date(2016, 2, 29), None],
            "at": pa.array([NOW, NOW + datetime.timedelta(milliseconds=5), None], pa.timestamp("us")),
            "fine": pa.array([NOW, NOW + datetime.timedelta(microseconds=5), None], pa.timestamp("us")),
            "text": ["b", "a", None],
            "long": ["x" * (LONGEST_STATISTIC + 1), "a", None],
            "money": pa.array([Decimal("1.00"), None, None], pa.decimal128(12, 2)),
            "void": pa.nulls(3, pa.int64()),
            "nan": [float("nan"), 1.0, None],
            "_line": [1, 2, 3],
        }
    )
    file = staged(tmp_path, table)
    action = file.add_action(NOW)
    statistics = json.loads(action.stats)
    assert statistics["numRecords"] == 3
    assert statistics["minValues"] == {
        "n": -1,
        "day": "2016-02-29",
        "at": "2018-01-01T00:00:00",
        "text": "a",
        "nan": 1.0,
    }
    assert statistics["maxValues"]["at"] == "2018-01-01T00:00:00.005000"
    assert statistics["nullCount"]["void"] == 3
    assert action.size == (tmp_path / file.path).stat().st_size
    assert action.modification_time == 1514764800000


def test_only_files_with_disjoint_ranges_are_known_to_share_no_rows(tmp_path: Path) -> None:
    low = staged(tmp_path, pa.table({"n": [1, 2], "m": [1, 9], "_line": [1, 2]}))
    high = staged(tmp_path, pa.table({"n": [3, 4], "m": [1, 9], "_line": [1, 2]}))
    touching = staged(tmp_path, pa.table({"n": [2, 3], "m": [1, 9], "_line": [8, 9]}))
    nullish = staged(tmp_path, pa.table({"n": [3, None], "m": [1, 9], "_line": [1, 2]}))
    assert not low.may_share_rows(high)
    assert low.may_share_rows(touching)
    assert low.may_share_rows(nullish)
    assert not high.may_share_rows(low)


def test_each_partition_is_written_to_its_own_file_and_read_back(tmp_path: Path) -> None:
    day = pa.array([NOW.date(), None, NOW.date()], pa.date32())
    staging = new_staging_area(tmp_path, partition_types={"day": pa.date32(), "kind": pa.string()})
    staging.write(
        pa.RecordBatch.from_arrays([pa.array([1, 2, 3]), day, pa.array(["a", "a", "b"])], ["n", "day", "kind"])
    )
    files = staging.finish()
    values = sorted((repr(file.partition_values), file.rows) for file in files)
    assert values == [
        ("{'day': '2018-01-01', 'kind': 'a'}", 1),
        ("{'day': '2018-01-01', 'kind': 'b'}", 1),
        ("{'day': None, 'kind': 'a'}", 1),
    ]
    rows = sorted(row["n"] for file in files for batch in staging.read(file) for row in batch.to_pylist() if row["day"])
    assert rows == [1, 3]


def test_discard_removes_an_unfinished_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging_area, "GROUP_ROWS", 1)
    staging = new_staging_area(tmp_path)
    staging.write(pa.RecordBatch.from_arrays([pa.array([1])], ["n"]))
    assert len(list(tmp_path.iterdir())) == 1
    staging.discard()
    assert list(tmp_path.iterdir()) == []
    assert staging.finish() == []
