"""A draft states what a file leaves open; a file that cannot be drafted is refused in words and without a traceback."""

from __future__ import annotations

import gzip
import json
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from installation.contract.document import load_contracts
from pipelines.contracts.draft import draft
from pipelines.contracts.file_sample import DraftError
from tests.pipelines.contracts.test_draft_load import archive, lines


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "key;betrag\nK1;1.234\nK2;2.500\n", "because files with semicolons between columns mostly have"),
        ("a.csv", "key,tapped_at\nK1,1496532600\nK2,1496532601\nK3,0\n", "1 of 3 values do not lie between 2000 and"),
        ("a.csv", 'key,amount\nK1,"12,34,567.00"\nK2,"1,234.00"\nK3,5.00\n', "most values are numbers, but not in one"),
        ("a.csv", 'key,note,n\nK1,"open,3.5\nK2,b,4.5\nK3,c,5.5\n', "a double quote has no other end"),
        ("a.json", '{"meta": 1, "data": [{"id": 1}, {"id": 2}]}\n', "to load a row for each object in data, export"),
    ],
)
def test_what_a_file_leaves_open_stands_in_the_draft(name: str, content: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    assert expected in draft(path)


PLAIN = lines(60)
OBJECTS = [{"key": f"K{n:05d}", "amount": n + 0.5, "id": 2**60 + n, "tags": ["a", n]} for n in range(60)]
SEEDS = (
    PLAIN.encode(),
    PLAIN.replace(",", ";").replace(".", ",").encode("cp949"),
    json.dumps(OBJECTS).encode(),
    "\n".join(map(json.dumps, OBJECTS)).encode("utf-16"),
    gzip.compress(PLAIN.encode()),
    archive(a=PLAIN),
)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_give_a_draft_or_a_refusal_but_no_traceback(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    for number in range(6):
        content = bytearray(rng.choice(SEEDS))
        for _ in range(rng.randint(1, 12)):
            place, size = rng.randrange(len(content)), rng.randint(0, 40)
            content[place : place + size] = rng.randbytes(rng.randint(0, 40))
        suffix = rng.choice([".csv", ".jsonl", ".json", ".txt", ".parquet", ".xlsx", ".zip", ".csv.gz"])
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(bytes(content))
        with suppress(DraftError):
            draft(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.json", b'[{"a":' + b"[" * 50_000),
        ("deep.jsonl", b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n"),
        ("number.jsonl", b'{"a": ' + b"9" * 6000 + b"}\n"),
        ("nan.jsonl", b'{"a": NaN}\n{"a": Infinity}\n'),
        (
            "wide.csv",
            b",".join(b"c%d" % n for n in range(800)) + b"\n" + b",".join(b"%d" % n for n in range(800)) + b"\n",
        ),
        ("long.csv", b"a,b\n" + b"x" * 3_000_000 + b",1\n"),
        ("quote.csv", b'a,b\n1,"open\n2,c\n3,d\n'),
        ("big.csv", b"key,n\n" + b"".join(b"K%d,%d\n" % (n, 10**n) for n in range(40))),
        ("exponent.csv", b"key,n\nK1,1e308\nK2,1e400\nK3,-1e-400\n"),
        ("names.csv", "이름,이름2,na#me: x\n가,나,다\n".encode()),
        ("only_nulls.csv", b"a,b\n,\n,\n"),
        ("controls.csv", b"a\x07b,c\n1,2\n"),
    ],
)
def test_unusual_files_give_a_draft_or_a_refusal(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        text = draft(path, "sale")
    except DraftError:
        return
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "source_sale.odcs.yaml").write_text(text, "utf-8")
    assert load_contracts([tmp_path / "contracts"]).source("sale").columns


def test_the_tables_of_an_archive_are_drafted_beside_a_readme(tmp_path: Path) -> None:
    path = tmp_path / "sale.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about.txt", "Sales of June.\n")
        archive.writestr("sale/june.csv", "sale_id,amount\nS1,2\nS2,3\n")
    assert "name: sale_id" in draft(path)


def test_a_column_without_a_name_is_said_in_so_many_words(tmp_path: Path) -> None:
    path = tmp_path / "sale.csv"
    path.write_text("sale_id,,amount\nS1,x,2\nS2,y,3\n")
    with pytest.raises(DraftError, match=r"line 1 is no header: no name for column 2\. Give each column a name"):
        draft(path)
