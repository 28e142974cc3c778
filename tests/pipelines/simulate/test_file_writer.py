"""Files are read back unchanged, with characters that need escaping and in every encoding."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipelines.simulate.file_writer import CsvStyle, write_csv, write_json_lines, write_parquet
from pipelines.simulate.records import Override, Records

_AWKWARD = ['say "hi"', "two\nlines", "comma, semicolon;", "back\\slash", "한글 이름", None, "", "plain"]


def _records() -> Records:
    size = len(_AWKWARD)
    frame = pd.DataFrame(
        {
            "key": [f"k{i}" for i in range(size)],
            "text": np.array(_AWKWARD, dtype=object),
            "count": pd.array([1, None, 3, 4, 5, 6, 7, 8], dtype="Int64"),
            "ratio": [0.1, 2.0, np.nan, 1e-3, 12.5, 3, 4, 5],
            "at": pd.to_datetime(["2017-01-01 00:00:00"] * (size - 1) + [None]),
            "is_true": [True, False] * (size // 2),
        },
        index=np.arange(size) * 3,
    )
    return Records("review", frame, "key", overrides=[Override(9, "count", "many"), Override(12, "key", None)])


def test_csv_is_read_back_unchanged_in_every_encoding(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "cp949"):
        for delimiter in (",", ";"):
            path = tmp_path / f"{encoding}{ord(delimiter)}.csv"
            lines = write_csv(path, _records(), CsvStyle(encoding, delimiter))
            with path.open(encoding=encoding, newline="") as file:
                rows = list(csv.DictReader(file, delimiter=delimiter))
            assert [row["text"] for row in rows] == [text or "" for text in _AWKWARD]
            assert [row["count"] for row in rows] == ["1", "", "3", "many", "5", "6", "7", "8"]
            assert rows[4]["key"] == ""
            assert rows[0]["at"] == "2017-01-01 00:00:00"
            physical = path.read_text(encoding).split("\n")
            assert [physical[line - 1][:2] for line in lines] == [
                "k0",
                "k1",
                "k2",
                "k3",
                delimiter + "한",
                "k5",
                "k6",
                "k7",
            ]


def test_json_lines_are_read_back_without_null_fields(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    lines = write_json_lines(path, _records())
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines.tolist() == list(range(1, 9))
    assert [row.get("text") for row in rows] == _AWKWARD
    assert rows[3]["count"] == "many"
    assert rows[2]["count"] == 3
    assert "count" not in rows[1]
    assert "key" not in rows[4]
    assert rows[0]["at"] == "2017-01-01T00:00:00"
    assert rows[1]["is_true"] is False
    assert "ratio" not in rows[2]


def test_parquet_keeps_types_and_microseconds(tmp_path: Path) -> None:
    records = _records()
    records.overrides = [Override(12, "text", None)]
    assert write_parquet(tmp_path / "x.parquet", records).tolist() == list(range(1, 9))
    table = pq.read_table(tmp_path / "x.parquet")
    assert str(table.schema.field("at").type) == "timestamp[us]"
    assert table["text"].to_pylist() == [*_AWKWARD[:4], None, *_AWKWARD[5:]]
    assert table.schema.metadata is None
