"""A run with a drafted contract quarantines exactly the rows that the draft states, and reads the file as drafted."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from deltalake import QueryBuilder

from installation.contract.document import Contract, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.contracts.check import check_contracts
from pipelines.contracts.contract_draft import Draft
from pipelines.contracts.draft import draft, draft_contract
from pipelines.contracts.draft_yaml import render_draft
from pipelines.ingest.landing import find_files
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.source_load import ingest_source
from tests.protection import open_protection_in

NOW = datetime.fromisoformat("2026-11-01T12:00:00")
HEADER = "key,amount,kind,sold_at"


class Desk:
    """A landing folder whose one file is drafted and then loaded with its draft."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.landing = folder / "landing"
        (self.landing / "sale").mkdir(parents=True)
        self.lakehouse = Lakehouse(str(folder / "lakehouse"))

    def land(self, name: str, content: str | bytes) -> Path:
        path = self.landing / "sale" / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def draft(self, path: Path, change: Callable[[str], str] = str) -> tuple[Draft, Contract]:
        drafted = draft_contract(path, "sale")
        contracts = self.folder / "contracts"
        contracts.mkdir(exist_ok=True)
        (contracts / "source_sale.odcs.yaml").write_text(change(render_draft(drafted)), "utf-8")
        return drafted, load_contracts([contracts]).source("sale")

    def load(self, contract: Contract) -> LoadResult:
        protection = open_protection_in(self.folder / "secret")
        result = ingest_source(contract, self.lakehouse, self.landing, protection, lambda: NOW)
        if result.waiting:  # A last line without its end is loaded when it did not change.
            result = ingest_source(contract, self.lakehouse, self.landing, protection, lambda: NOW)
        return result

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        listed = ", ".join(f'"{column}"' for column in columns)
        table = self.lakehouse.delta("bronze/sale")
        found = QueryBuilder().register("t", table).execute(f"SELECT {listed} FROM t ORDER BY 1").read_all()
        return [tuple(row.values()) for row in pa.table(found).to_pylist()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def lines(count: int, **odd: str) -> str:
    """Return a file of sales in which `odd` replaces whole lines by their number: `n7="..."`."""
    rows = [
        odd.get(f"n{n}", f"K{n:05d},{n}.50,{'retail' if n % 2 else 'staff'},2017-03-01 10:00:00") for n in range(count)
    ]
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.mark.parametrize(
    ("content", "quarantined"),
    [
        (lines(400), 0),
        (lines(400, n7="K00007,abc,retail,2017-03-01 10:00:00"), 1),
        (lines(400, n7="K00007,7.50,retial,2017-03-01 10:00:00"), 1),
        (lines(400, n7="K00007,7.50,retail,2017-02-30 10:00:00", n9="K00009,x,retail,2017-03-01 10:00:00"), 2),
        (lines(400, n7="K00007,7.50,retail"), 1),
        (lines(400, n7='K00007,"7"50,retail,2017-03-01 10:00:00'), 1),
        (lines(400, n7="K00007,7.50,retail,9999-12-31 00:00:00"), 1),
        (lines(400, n7=HEADER), 1),
        (lines(30, n7="K00007,7.50,retial,2017-03-01 10:00:00"), 0),
    ],
)
def test_a_run_quarantines_the_rows_that_the_draft_states(content: str, quarantined: int, desk: Desk) -> None:
    drafted, contract = desk.draft(desk.land("sale.csv", content))
    result = desk.load(contract)
    assert drafted.rehearsal is not None
    stated = (drafted.rehearsal.rows, drafted.rehearsal.quarantined)
    assert stated == (result.rows_read, result.rows_quarantined)
    assert result.rows_quarantined == quarantined
    text = render_draft(drafted)
    assert f"{quarantined} would go to quarantine" in text
    promised = [int(count) for count in re.findall(r"# doubt: (\d+) of \d+ rows go to quarantine", text)]
    assert sum(promised) == quarantined


def test_limits_of_the_first_rows_do_not_quarantine_valid_rows_behind_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = [f"K{n:05d},{n * 1000}.25,kind {n},2017-03-01 10:00:00" for n in range(100, 200)]
    late += ["K00200,,retail,2017-03-01 10:00:00", f"K00201,1.50,{'long ' * 20},2017-03-01 10:00:00"]
    monkeypatch.setattr("pipelines.contracts.file_sample.SAMPLE_ROWS", 50)
    drafted, contract = desk.draft(desk.land("sale.csv", lines(100) + "\n".join(late) + "\n"))
    assert (drafted.sample.rows, drafted.sample.is_whole) == (50, False)
    amount, kind = contract.column("amount"), contract.column("kind")
    assert (amount.required, amount.maximum, kind.enum, kind.max_length) == (False, None, None, None)
    result = desk.load(contract)
    assert (result.rows_added, result.rows_quarantined) == (202, 0)


def test_a_column_whose_type_the_later_rows_break_is_text(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.contracts.file_sample.SAMPLE_ROWS", 50)
    late = "".join(f"K{n:05d},n{n},retail,2017-03-01 10:00:00\n" for n in range(100, 200))
    _, contract = desk.draft(desk.land("sale.csv", lines(100) + late))
    assert contract.column("amount").spark_type == "string"
    assert desk.load(contract).rows_added == 200


def test_a_contract_with_stricter_limits_than_the_draft_quarantines_more(desk: Desk) -> None:
    """Control: the counts of the draft come from its own rules."""
    drafted, contract = desk.draft(
        desk.land("sale.csv", lines(400)), lambda text: text.replace("maximum: 1000", "maximum: 9")
    )
    assert drafted.rehearsal is not None
    assert drafted.rehearsal.quarantined == 0
    assert desk.load(contract).rows_quarantined > 300


def archive(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in members.items():
            opened.writestr(f"{name}.csv", content)
    return buffer.getvalue()


PLAIN = lines(60)
OBJECTS = [{"key": f"K{n:05d}", "amount": n + 0.5, "id": 2**60 + n, "tags": ["a", n]} for n in range(60)]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("sale.csv", PLAIN.encode(), "sale/*.csv"),
        ("SALE.CSV", PLAIN.encode(), "sale/*.csv"),
        ("sale.txt", PLAIN.replace(",", "\t").encode(), "sale/*.txt"),
        ("sale.tsv", PLAIN.replace(",", "\t").encode("utf-16"), "sale/*.tsv"),
        ("sale.csv.gz", gzip.compress(PLAIN.encode()), "sale/*.csv"),
        ("sale.csv.bz2", bz2.compress(PLAIN.encode()), "sale/*.csv"),
        ("sale.csv.zst", zstandard.compress(PLAIN.encode()), "sale/*.csv"),
        ("sale.zip", archive(a=PLAIN, b=PLAIN.replace("K0", "L0")), "sale/*.csv"),
        ("sale.jsonl", "\n".join(map(json.dumps, OBJECTS)).encode(), "sale/*.jsonl"),
        ("sale.json", json.dumps(OBJECTS).encode(), "sale/*.json"),
        ("sale.json", "\n".join(map(json.dumps, OBJECTS)).encode(), "sale/*.json"),
        ("sale.ndjson.gz", gzip.compress("\n".join(map(json.dumps, OBJECTS)).encode()), "sale/*.ndjson"),
        ("sale.json", json.dumps(OBJECTS, indent=1).encode("utf-8-sig"), "sale/*.json"),
    ],
)
def test_the_draft_of_each_format_loads_all_rows(name: str, content: bytes, expected: str, desk: Desk) -> None:
    drafted, contract = desk.draft(desk.land(name, content))
    assert contract.file is not None
    assert contract.file.path == expected
    assert find_files(desk.landing, contract.file.path)
    result = desk.load(contract)
    count = 120 if name == "sale.zip" else 60
    assert (result.rows_added, result.rows_quarantined) == (count, 0)
    assert float(desk.rows("key", "amount")[1][1]) == 1.5
    assert not drafted.left_out


def test_the_draft_of_a_workbook_names_sheet_and_header_row(desk: Desk) -> None:
    workbook = openpyxl.Workbook()
    first = workbook.active
    first.title = "판매"
    for row in (["Sales export"], [], ["sale_id", "Quantity", "sold_on", "paid"]):
        first.append(row)
    for n in range(30):
        first.append([f"S{n:03d}", n, datetime(2017, 6, 1 + n % 28), n % 2 == 0])
    first.append(["Total", 435])
    workbook.create_sheet("codes").append(["x"])
    buffer = io.BytesIO()
    workbook.save(buffer)
    drafted, contract = desk.draft(desk.land("sale.xlsx", buffer.getvalue()))
    assert contract.file is not None
    assert (contract.file.format, contract.file.sheet) == ("xlsx", "판매")
    assert (contract.file.header_row, contract.file.footer_rows) == (3, 1)
    types = [column.spark_type for column in contract.columns]
    assert types == ["string", "bigint", "date", "boolean"]
    result = desk.load(contract)
    assert (result.rows_added, result.rows_quarantined) == (30, 0)
    assert "2 sheets have cells" in render_draft(drafted)


def test_the_draft_of_parquet_reads_times_and_identifiers_exactly(desk: Desk) -> None:
    table = pa.table(
        {
            "tap_id": pa.array([f"T{n}" for n in range(4)]),
            "member_no": pa.array([100000001.0, None, 100000003.0, 100000004.0]),
            "tapped_at": pa.array([1496532600000 + n for n in range(4)], pa.int64()),
            "seen_at": pa.array([datetime(2017, 6, 1, 20)] * 4, pa.timestamp("us", "UTC")),
            "booted_at": pa.array([1496532600000, 1496532600000, 1496532600000 * 1000, 2**62], pa.timestamp("ms")),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    drafted, contract = desk.draft(desk.land("tap.parquet", buffer.getvalue()))
    tapped = contract.column("tapped_at")
    assert (tapped.spark_type, tapped.time_unit) == ("timestamp_ntz", "milliseconds")
    assert contract.column("seen_at").has_zone
    assert contract.column("member_no").spark_type == "string"
    assert drafted.rehearsal is not None
    assert drafted.rehearsal.quarantined == 2
    assert desk.load(contract).rows_quarantined == 2
    rows = desk.rows("tap_id", "tapped_at", "seen_at")
    assert rows[0][1:] == (datetime(2017, 6, 4, 8, 30), datetime(2017, 6, 2, 5))


PARQUET = {
    "list": pa.array([["a", "b"]] * 30),
    "struct": pa.array([{"x": 1}] * 30),
    "null": pa.nulls(30),
    "binary": pa.array([b"\xff\x00"] * 30),
    "unsigned": pa.array([2**64 - 1 - n for n in range(30)], pa.uint64()),
    "not_finite": pa.array([float("nan"), float("inf")] * 15),
    "long_decimal": pa.array([Decimal("1.23")] * 30, pa.decimal128(38, 2)),
    "longer_decimal": pa.array([Decimal("1.23")] * 30, pa.decimal256(50, 2)),
    "time": pa.array([time(1, 2, 3)] * 30),
    "out_of_range_at": pa.array([2**62] * 30, pa.timestamp("us")),
    "float_at": pa.array([1496532600.5 + n for n in range(30)]),
    "inexact_no": pa.array([2.0**60 + n * 1000 for n in range(30)]),
}


@pytest.mark.parametrize("name", PARQUET)
def test_a_run_and_the_draft_agree_about_every_type_of_parquet(name: str, desk: Desk) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"key": [f"K{n}" for n in range(30)], name: PARQUET[name]}), buffer)
    drafted, contract = desk.draft(desk.land("sale.parquet", buffer.getvalue()))
    result = desk.load(contract)
    assert drafted.rehearsal is not None
    assert drafted.rehearsal.refusal == ""
    assert (result.files_new, result.rows_read) == (1, 30)
    assert result.rows_quarantined == drafted.rehearsal.quarantined
    assert drafted.left_out == ()


def test_texts_that_mean_null_are_null_and_namibia_stays(desk: Desk) -> None:
    content = "addr_id,country,floor\nA1,NA,3\nA2,KR,\\N\nA3,NULL,NULL\nA4,-,-\nA5,N/A,N/A\nA6,,\nA7,SE,2\n"
    _, contract = desk.draft(desk.land("sale.csv", content))
    desk.load(contract)
    assert desk.rows("addr_id", "country", "floor") == [
        ("A1", "NA", 3), ("A2", "KR", None), ("A3", None, None), ("A4", None, None), ("A5", None, None),
        ("A6", None, None), ("A7", "SE", 2),
    ]  # fmt: skip


def test_an_undecided_encoding_is_refused_by_check_until_it_is_stated(desk: Desk) -> None:
    path = desk.land("sale.csv", "key,note\nK1,5 °C\nK2,warm\n".encode("iso-8859-1"))
    contracts = desk.folder / "contracts"
    contracts.mkdir()
    text = draft(path, "sale")
    (contracts / "source_sale.odcs.yaml").write_text(text, "utf-8")
    faults = check_contracts([contracts]).faults
    assert [fault.message for fault in faults] == ["The encoding is not decided: the file is readable in several"]
    assert "one of ISO-8859-1, CP949" in str(faults[0])
    decided = text.replace("encoding: ISO-8859-1 or CP949", "encoding: ISO-8859-1")
    (contracts / "source_sale.odcs.yaml").write_text(decided, "utf-8")
    assert check_contracts([contracts]).faults == ()
    desk.load(load_contracts([contracts]).source("sale"))
    assert desk.rows("key", "note")[0] == ("K1", "5 °C")


def test_times_in_the_future_are_a_doubt_because_events_must_not_be(desk: Desk) -> None:
    content = lines(40, n7="K00007,7.50,retail,2099-12-31 10:00:00")
    drafted, contract = desk.draft(desk.land("sale.csv", content))
    assert "# doubt: 1 of 40 rows are in the future; as events they go to quarantine" in render_draft(drafted)
    # The draft states no touchpoint, so nothing is quarantined yet.
    assert desk.load(contract).rows_quarantined == 0


def test_a_column_without_header_is_named_and_left_out(desk: Desk) -> None:
    content = ",key,amount\n" + "".join(f"{n},K{n},{n}\n" for n in range(9))
    drafted, contract = desk.draft(desk.land("sale.csv", content))
    assert [column.name for column in contract.columns] == ["key", "amount"]
    assert "column 1 has no header and is left out" in render_draft(drafted)
    assert desk.load(contract).rows_added == 9


def test_lines_that_all_end_by_a_delimiter_have_one_column_less(desk: Desk) -> None:
    content = "key,amount,\n" + "".join(f"K{n},{n},\n" for n in range(9))
    drafted, contract = desk.draft(desk.land("sale.csv", content))
    assert [column.name for column in contract.columns] == ["key", "amount"]
    assert "column 3 has no header and is left out" in render_draft(drafted)
    assert desk.load(contract).rows_added == 9


@pytest.mark.parametrize(("encoding", "name"), [("cp1252", "Åsa Ö"), ("cp949", "김철수"), ("iso8859-1", "Åke Ö")])
def test_lines_of_utf_8_in_a_file_of_another_encoding_are_quarantined(encoding: str, name: str, desk: Desk) -> None:
    own = "key,label\n" + "".join(f"K{n:02d},{name}\n" for n in range(30))
    content = own.encode(encoding) + f"K88,{name}\nK99,plain\n".encode()
    _, contract = desk.draft(desk.land("sale.csv", content))
    result = desk.load(contract)
    assert (result.rows_added, result.rows_quarantined) == (31, 1)
    assert "some lines are UTF-8: send the file in one encoding" in " ".join(result.faults)
    assert {row[1] for row in desk.rows("key", "label")} == {name, "plain"}


def test_a_trademark_behind_an_accent_is_not_taken_for_utf_8(desk: Desk) -> None:
    content = "key,label\n" + "".join(f"K{n:02d},Åsa Ström\n" for n in range(30)) + "K99,NESTLÉ®\n"
    _, contract = desk.draft(desk.land("sale.csv", content.encode("cp1252")))
    assert desk.load(contract).rows_quarantined == 0
    assert desk.rows("key", "label")[-1] == ("K99", "NESTLÉ®")
