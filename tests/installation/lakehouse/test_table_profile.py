from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from installation.lakehouse.table_profile import latest_day, read_profile


def _write(path: Path, **columns: list[object]) -> DeltaTable:
    write_deltalake(str(path), pa.table(columns), mode="append", partition_by=["day"])
    return DeltaTable(str(path))


def test_figures_of_two_commits_add_up(tmp_path: Path) -> None:
    first, second = date(2017, 1, 1), date(2017, 1, 2)
    _write(tmp_path, day=[first, first, second], value=[1, None, 3])
    table = _write(tmp_path, day=[second], value=[4])
    profile = read_profile(table)
    assert (profile.version, profile.rows) == (1, 4)
    assert profile.filled["value"] == 3 / 4
    assert profile.rows_by_day == {"2017-01-01": 2, "2017-01-02": 2}
    assert profile.size_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*.parquet"))


def test_the_profile_of_an_empty_table_has_no_shares(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path), pa.schema([("a", pa.int64())]).empty_table())
    profile = read_profile(DeltaTable(str(tmp_path)))
    assert (profile.rows, profile.filled, profile.rows_by_day) == (0, {}, {})


def test_latest_day_is_found_in_the_log_without_reading_a_data_file(tmp_path: Path) -> None:
    moments = [datetime.fromisoformat("2017-12-31T23:59"), datetime.fromisoformat("2017-03-01T00:00")]
    write_deltalake(str(tmp_path), pa.table({"at": pa.array(moments, pa.timestamp("us")), "other": ["a", "b"]}))
    table = DeltaTable(str(tmp_path))
    for file in tmp_path.glob("*.parquet"):
        file.unlink()
    assert latest_day(table, "at") == date(2017, 12, 31)
    assert latest_day(table, "missing") is None
