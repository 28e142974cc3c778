"""The generator's files say what its truth says, read by parsers of Python's library."""

import csv
import io
import json

import pytest

from bench.generated_file.generate import generate


@pytest.mark.parametrize("seed", range(60))
def test_a_plain_csv_holds_its_keys_and_texts_in_order(seed: int) -> None:
    file = generate(seed, is_plain=True)
    text = file.content.decode(file.form.codec)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=file.form.delimiter, quotechar=file.form.quote))
    header, *body = rows
    assert sorted(header) == sorted(column.title for column in file.columns)
    assert [row[header.index("row_key")] for row in body] == [row.key for row in file.rows]
    for column in file.columns:
        if column.kind in ("text", "identifier"):
            written = [row[header.index(column.title)] for row in body]
            assert written == [row.accepted[column.name][0] or "" for row in file.rows] or file.form.nulls


def test_a_seed_always_gives_the_same_file() -> None:
    for seed in range(20):
        one, other = generate(seed), generate(seed)
        assert (one.content, one.contract, one.rows) == (
            other.content,
            other.contract,
            other.rows,
        ) or "xlsx" in one.name


def test_contracts_are_json_and_every_kind_of_file_is_drawn() -> None:
    files = [generate(seed) for seed in range(300)]
    assert all(json.loads(file.contract)["kind"] == "DataContract" for file in files)
    assert {file.form.format for file in files} == {"csv", "jsonl", "json", "parquet", "xlsx"}
    assert {file.form.compression for file in files} == {"", "gz", "bz2", "zst", "zip"}
    assert len({trait for file in files for trait in file.traits}) > 12
    assert 100 < sum(file.is_sound for file in files) < 280
