"""Files as other systems write them, invented beyond the collected cases: no row is wrong, lost or loaded twice."""

from __future__ import annotations

import bz2
import datetime
import gzip
import io
import zipfile
from collections.abc import Callable
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.generated_file.cell import Column
from bench.generated_file.file_form import FileForm
from tests.pipelines.ingest.hand_written import STAMP, Load, column
from tests.pipelines.ingest.judge import Outcome

COLUMNS = [column("row_key", is_required=True), column("memo"), column("amount", "decimal(12,2)")]
HEAD = "row_key,memo,amount\n"
PLAIN = HEAD + "K1,a,1.50\nK2,b,2.50\n"
GOOD = [("K1", "a", Decimal("1.50")), ("K2", "b", Decimal("2.50"))]
CSV = FileForm("csv")


def rows(outcome: Outcome, columns: list[Column] = COLUMNS) -> list[tuple[object, ...]]:
    return [tuple(row[one.name] for one in columns) for row in outcome.rows]


def zip_of(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/").replace("_csv", ".csv").replace("_txt", ".txt"), text)
    return buffer.getvalue()


def zst(text: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(text.encode())
    return bytes(sink.getvalue().to_pybytes())


WHOLE: list[tuple[str, bytes, str]] = [
    ("windows line ends", PLAIN.replace("\n", "\r\n").encode(), "a.csv"),
    ("old Mac line ends", PLAIN.replace("\n", "\r").encode(), "a.csv"),
    ("mixed line ends", PLAIN.replace("a,1.50\n", "a,1.50\r\n").encode(), "a.csv"),
    ("byte order mark", b"\xef\xbb\xbf" + PLAIN.encode(), "a.csv"),
    ("blank lines at the end", (PLAIN + "\n\n").encode(), "a.csv"),
    ("blank line in the middle", PLAIN.replace("K2", "\nK2").encode(), "a.csv"),
    ("all fields in quotes", b'"row_key","memo","amount"\n"K1","a","1.50"\n"K2","b","2.50"\n', "a.csv"),
    ("header with spaces", PLAIN.replace("memo,", " memo ,").encode(), "a.csv"),
    ("columns in another order", b"amount,row_key,memo\n1.50,K1,a\n2.50,K2,b\n", "a.csv"),
    ("gzip", gzip.compress(PLAIN.encode()), "a.csv.gz"),
    ("two gzip members", gzip.compress(PLAIN[:25].encode()) + gzip.compress(PLAIN[25:].encode()), "a.csv.gz"),
    ("upper-case suffix", gzip.compress(PLAIN.encode()), "A.CSV.GZ"),
    ("bzip2", bz2.compress(PLAIN.encode()), "a.csv.bz2"),
    ("zstandard", zst(PLAIN), "a.csv.zst"),
    ("zip", zip_of(a_csv=PLAIN), "a.zip"),
    ("zip with two files", zip_of(a_csv=HEAD + "K1,a,1.50\n", b_csv=HEAD + "K2,b,2.50\n"), "a.zip"),
    ("zip with a folder", zip_of(folder__a_csv=PLAIN), "a.zip"),
    ("wrong suffix of a gzip file", gzip.compress(PLAIN.encode()), "a.csv"),
]


@pytest.mark.parametrize(("kind", "content", "name"), WHOLE, ids=[kind for kind, *_ in WHOLE])
def test_a_whole_file_gives_its_rows(load: Load, kind: str, content: bytes, name: str) -> None:
    outcome = load(content, COLUMNS, CSV, name)
    assert (outcome.refusals, outcome.reasons) == ([], [])
    assert sorted(rows(outcome)) == GOOD


REFUSED: list[tuple[str, bytes, str, str]] = [
    ("empty", b"", "a.csv", "empty"),
    ("only a byte order mark", b"\xef\xbb\xbf", "a.csv", ""),
    ("only blank lines", b"\n\n\n", "a.csv", ""),
    ("no header", b"K1,a,1.50\nK2,b,2.50\n", "a.csv", ""),
    ("another delimiter", PLAIN.replace(",", ";").encode(), "a.csv", "delimiter"),
    ("a delimiter line of Excel", b"sep=,\n" + PLAIN.encode(), "a.csv", "headerRow: 2"),
    ("titles above the header", b"Sales export,,\n,,\n" + PLAIN.encode(), "a.csv", "headerRow: 3"),
    ("UTF-16", PLAIN.encode("utf-16"), "a.csv", ""),
    ("UTF-16 without mark", PLAIN.encode("utf-16-le"), "a.csv", ""),
    ("a column twice", PLAIN.replace("memo", "amount").encode(), "a.csv", "twice"),
    ("a missing required column", PLAIN.replace("row_key", "key_of_row").encode(), "a.csv", "row_key"),
    ("a renamed column", PLAIN.replace("memo", "note").encode(), "a.csv", "note"),
    ("a cut gzip file", gzip.compress(PLAIN.encode())[:-9], "a.csv.gz", ""),
    ("a cut zip file", zip_of(a_csv=PLAIN)[:-9], "a.zip", ""),
    ("a cut bzip2 file", bz2.compress(PLAIN.encode())[:-4], "a.csv.bz2", ""),
    ("a cut zstandard file", zst(PLAIN)[:-4], "a.csv.zst", ""),
    ("a zip file in a zip file", zip_of(a_csv=zip_of(a_csv=PLAIN).decode("latin-1")), "a.zip", ""),
    ("a Parquet file", b"PAR1" + bytes(20) + b"PAR1", "a.csv", "arquet"),
    ("an old Excel workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.xls", "xls"),
    ("a web page", b"<!DOCTYPE html><html><body>Error 500</body></html>\n", "a.csv", ""),
    ("an error in JSON", b'{"error": "forbidden"}\n', "a.csv", ""),
    ("header in another order in the middle", (PLAIN + "memo,row_key,amount\nK3,c,3.50\n").encode(), "a.csv", "order"),
    ("a quote that never closes", (PLAIN + 'K3,"c,3.50\nK4,d,4.50\n').encode(), "a.csv", "quote"),
]


@pytest.mark.parametrize(("kind", "content", "name", "told"), REFUSED, ids=[kind for kind, *_ in REFUSED])
def test_a_file_that_cannot_be_read_as_stated_is_refused_with_a_reason(
    load: Load, kind: str, content: bytes, name: str, told: str
) -> None:
    outcome = load(content, COLUMNS, CSV, name)
    assert outcome.rows == []
    assert len(outcome.refusals) == 1
    assert told in outcome.refusals[0]
    assert len(outcome.refusals[0]) > 20


BROKEN: list[tuple[str, str, list[str], int]] = [
    ("an extra field", "K1,a,1.50\nK2,b,2.50,x\nK3,c,3.50\n", ["K1", "K3"], 1),
    ("a missing field", "K1,a,1.50\nK2,2.50\nK3,c,3.50\n", ["K1", "K3"], 1),
    ("a repeated header", "K1,a,1.50\nrow_key,memo,amount\nK3,c,3.50\n", ["K1", "K3"], 1),
    ("a header in another case", "K1,a,1.50\nROW_KEY,MEMO,AMOUNT\nK3,c,3.50\n", ["K1", "K3"], 1),
    ("a total", "K1,a,1.50\nK3,c,3.50\nTotal,,5.00\n", ["K1", "K3"], 1),
    ("a Korean total", "K1,a,1.50\nK3,c,3.50\n합계,,5.00\n", ["K1", "K3"], 1),
    ("a number of rows", "K1,a,1.50\nK3,c,3.50\n(2 rows)\n", ["K1", "K3"], 1),
    ("lines of delimiters", "K1,a,1.50\nK3,c,3.50\n,,\n,,\n", ["K1", "K3"], 2),
    ("text after a quote", 'K1,a,1.50\nK2,"b"x,2.50\nK3,c,3.50\n', ["K1", "K3"], 1),
    ("a backslash before a quote", 'K1,a,1.50\nK2,"b\\"x",2.50\nK3,c,3.50\n', ["K1", "K3"], 1),
    ("a run of NUL bytes", "K1,a,1.50\nK2,\0\0\0\0,2.50\nK3,c,3.50\n", ["K1", "K3"], 1),
    ("a swallowed line", 'K1,a,1.50\nK2,"b,2.50\nK3,c",3.50\nK4,d,4.50\nK5,e,5.50\n', ["K1", "K4", "K5"], 2),
    ("the rest of a broken field", 'K1,a,1.50\nK2,"x"y\nK9,z,9.50\nK3,c,3.50\n', ["K1", "K9", "K3"], 1),
]


@pytest.mark.parametrize(("kind", "body", "loaded", "quarantined"), BROKEN, ids=[kind for kind, *_ in BROKEN])
def test_a_broken_line_is_quarantined_alone(
    load: Load, kind: str, body: str, loaded: list[str], quarantined: int
) -> None:
    outcome = load((HEAD + body).encode(), COLUMNS, CSV)
    assert outcome.refusals == []
    assert [row["row_key"] for row in outcome.rows] == loaded
    assert len(outcome.reasons) == quarantined


def test_the_rest_of_a_broken_field_is_no_row(load: Load) -> None:
    columns = [column("memo"), column("amount", "decimal(12,2)"), column("row_key", is_required=True)]
    content = b'memo,amount,row_key\nfine,1.50,K1\n"two "x\nlines of text",2.50,K2\nfine,3.50,K3\n'
    outcome = load(content, columns, CSV)
    assert rows(outcome, columns) == [("fine", Decimal("1.50"), "K1"), ("fine", Decimal("3.50"), "K3")]
    assert len(outcome.reasons) == 2


def test_the_rest_of_a_broken_field_over_several_lines_is_no_row(load: Load) -> None:
    columns = [column("memo"), column("amount", "decimal(12,2)"), column("row_key", is_required=True)]
    content = b'memo,amount,row_key\nfine,1.50,K1\n"four "x\nlines\n\nof text",2.50,K2\nfine,3.50,K3\n'
    outcome = load(content, columns, CSV)
    assert [row["row_key"] for row in outcome.rows] == ["K1", "K3"]
    assert len(outcome.reasons) == 3


def test_a_missing_optional_column_of_zoned_times_is_null(load: Load) -> None:
    columns = [column("row_key", is_required=True), column("at", STAMP, timezone=True)]
    outcome = load(b"row_key\nK1\n", columns, CSV)
    assert rows(outcome, columns) == [("K1", None)]
    assert any("at" in note for note in outcome.notes)


JSON: list[tuple[str, str, str, list[str], int]] = [
    ("json", "array", '[{"row_key":"K1"},{"row_key":"K2"}]', ["K1", "K2"], 0),
    ("json", "pretty array", '[\n  {\n "row_key": "K1"\n },\n {"row_key": "K2"}\n]\n', ["K1", "K2"], 0),
    ("json", "empty array", "[]", [], 0),
    ("jsonl", "lines", '{"row_key":"K1"}\n{"row_key":"K2"}\n', ["K1", "K2"], 0),
    ("jsonl", "windows line ends", '{"row_key":"K1"}\r\n{"row_key":"K2"}\r\n', ["K1", "K2"], 0),
    ("jsonl", "blank lines", '\n{"row_key":"K1"}\n\n{"row_key":"K2"}\n', ["K1", "K2"], 0),
    ("jsonl", "an array line", '{"row_key":"K1"}\n[{"row_key":"K2"}]\n', ["K1"], 1),
    ("jsonl", "two objects on a line", '{"row_key":"K1"}\n{"row_key":"K2"}{"row_key":"K3"}\n', ["K1"], 1),
    ("jsonl", "a cut object", '{"row_key":"K1"}\n{"row_key":"K2\n{"row_key":"K3"}\n', ["K1", "K3"], 1),
    ("jsonl", "NaN", '{"row_key":"K1","amount":NaN}\n{"row_key":"K2"}\n', ["K2"], 1),
    ("jsonl", "a field twice", '{"row_key":"K1","memo":"a","memo":"b"}\n{"row_key":"K2"}\n', ["K2"], 1),
    ("jsonl", "null key", '{"row_key":null,"memo":"a"}\n{"row_key":"K2"}\n', ["K2"], 1),
]


@pytest.mark.parametrize(
    ("form", "kind", "text", "loaded", "quarantined"), JSON, ids=[f"{form} {kind}" for form, kind, *_ in JSON]
)
def test_json_records_are_loaded_or_quarantined(
    load: Load, form: str, kind: str, text: str, loaded: list[str], quarantined: int
) -> None:
    outcome = load(text.encode(), COLUMNS, FileForm(form))
    assert outcome.refusals == []
    assert [row["row_key"] for row in outcome.rows] == loaded
    assert len(outcome.reasons) == quarantined


@pytest.mark.parametrize(
    "text",
    [
        '[{"row_key":"K1"}{"row_key":"K2"}]',
        '[{"row_key":"K1"},{"row_key":"K2"}',
        '[{"row_key":"K1"},]',
        '[{"row_key":"K1"}] {"row_key":"K2"}',
        '[{"row_key":"K1"}]]',
        '[{"row_key":"K1"},',
        "[",
    ],
)
def test_a_broken_json_array_is_refused(load: Load, text: str) -> None:
    outcome = load(text.encode(), COLUMNS, FileForm("json"))
    assert outcome.rows == []
    assert len(outcome.refusals) == 1 or outcome.waiting


def test_a_required_json_field_that_no_record_has_refuses_the_file(load: Load) -> None:
    outcome = load(b'{"memo":"a"}\n{"memo":"b"}\n', COLUMNS, FileForm("jsonl"))
    assert outcome.rows == []
    assert "row_key" in outcome.refusals[0]


def parquet(**columns: pa.Array) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue().to_pybytes())


KEYS = pa.array(["K1", "K2"])
MAP = pa.map_(pa.string(), pa.decimal128(9, 2))
STRUCT = pa.array([{"a": 1, "b": "x"}, {"a": 2, "b": None}])
PARQUET: list[tuple[str, pa.Array, Column, list[object] | None]] = [
    ("unsigned identifiers", pa.array([2**63 + 1, 5], pa.uint64()), column("v"), [str(2**63 + 1), "5"]),
    ("float identifiers", pa.array([1e8 + 1, 2.0**54]), column("v", token="member_no"), ["100000001"]),
    ("32-bit float identifiers", pa.array([5.0, 16777216.0], pa.float32()), column("v", token="member_no"), ["5"]),
    ("large floats for integers", pa.array([5.0, 2.0**53]), column("v", "bigint"), [5]),
    ("32-bit floats for integers", pa.array([5.0, 2.0**24], pa.float32()), column("v", "bigint"), [5]),
    ("structs", STRUCT, column("v"), ['{"a": 1, "b": "x"}', '{"a": 2, "b": null}']),
    ("lists", pa.array([[1, 2], []]), column("v"), ["[1, 2]", "[]"]),
    ("maps", pa.array([[("k", Decimal("0.10"))], []], MAP), column("v"), ['{"k": 0.10}', "{}"]),
    ("lists of texts", pa.array([["a"], ["b", None]]), column("v", "array<string>"), [["a"], ["b", None]]),
    ("bytes", pa.array([b"ab", b"\xff"]), column("v"), ["ab"]),
    ("decimals as text", pa.array([Decimal("0150"), Decimal("2")], pa.decimal128(9, 0)), column("v"), ["150", "2"]),
    ("a time of day", pa.array([1, 2], pa.time32("s")), column("v", STAMP), None),
    ("a duration", pa.array([1, 2], pa.duration("s")), column("v", "bigint"), None),
    ("floats for integers", pa.array([1.0, 1.5]), column("v", "bigint"), [1]),
    ("a boolean for a number", pa.array([True, False]), column("v", "bigint"), None),
    ("numbers for booleans", pa.array([1, 2]), column("v", "boolean"), [True]),
    ("integers for money", pa.array([1, 2]), column("v", "decimal(12,2)"), [Decimal("1.00"), Decimal("2.00")]),
    ("too large for the type", pa.array([1, 2**40]), column("v", "int"), [1]),
    ("days for a time", pa.array([datetime.date(2017, 6, 1)] * 2), column("v", STAMP), None),
    ("an integer for a day", pa.array([17318, 1]), column("v", "date"), None),
]


@pytest.mark.parametrize(("kind", "values", "described", "expected"), PARQUET, ids=[kind for kind, *_ in PARQUET])
def test_parquet_values_of_other_types_are_exact_quarantined_or_refused(
    load: Load, kind: str, values: pa.Array, described: Column, expected: list[object] | None
) -> None:
    columns = [column("row_key", is_required=True), described]
    outcome = load(parquet(row_key=KEYS, v=values), columns, FileForm("parquet"))
    if expected is None:
        exact = all(row["v"] == value for row, value in zip(outcome.rows, values.to_pylist(), strict=False))
        midnight = datetime.datetime(2017, 6, 1)
        assert outcome.refusals or outcome.rows == [] or exact or {row["v"] for row in outcome.rows} <= {midnight, "5"}
    else:
        assert [row["v"] for row in outcome.rows] == expected
        assert len(outcome.reasons) == 2 - len(expected)


def test_a_parquet_file_without_rows_is_fine_and_a_cut_one_is_refused(load: Load) -> None:
    columns = [column("row_key", is_required=True)]
    whole = parquet(row_key=pa.array([], pa.string()))
    outcome = load(whole, columns, FileForm("parquet"))
    assert (outcome.rows, outcome.refusals) == ([], [])
    for size in (0, 3, 8, len(whole) // 2, len(whole) - 1):
        outcome = load(whole[:size], columns, FileForm("parquet"))
        assert len(outcome.refusals) == 1


def workbook(fill: Callable[[openpyxl.Workbook], None]) -> bytes:
    book = openpyxl.Workbook()
    fill(book)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_cells_of_a_workbook_are_read_by_their_types(load: Load) -> None:
    moment = datetime.datetime(2017, 6, 1, 8, 30)
    columns = [
        column("row_key", is_required=True), column("v"), column("amount", "decimal(12,2)"), column("at", STAMP),
        column("day", "date"), column("flag", "boolean"),
    ]  # fmt: skip

    def fill(book: openpyxl.Workbook) -> None:
        sheet = book.active
        assert sheet is not None
        sheet.append(["row_key", "v", "amount", "at", "day", "flag"])
        sheet.append(["K1", "0012", 0.1, moment, moment.date(), True])
        sheet.append(["K2", 100000001, 12, "2017-06-01 08:30:00", "2017-06-01", "no"])
        sheet.append(["K3", None, None, None, None, None])
        sheet.append(["K4", "x", "#N/A", None, None, None])
        sheet.append(["K5", 1.5, 1.005, None, None, None])

    outcome = load(workbook(fill), columns, FileForm("xlsx"))
    day = moment.date()
    found = {row[0]: row[1:] for row in rows(outcome, columns)}
    assert found["K1"] == ("0012", Decimal("0.10"), moment, day, True)
    assert found["K2"] == ("100000001", Decimal("12.00"), moment, day, False)
    assert found["K3"] == (None,) * 5
    assert "K4" not in found
    assert "K5" not in found


def test_a_workbook_with_two_filled_sheets_needs_a_stated_sheet(load: Load) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        for name in ("June", "July"):
            book.create_sheet(name).append(["row_key"])
            book[name].append([f"K{name}"])

    outcome = load(workbook(fill), [column("row_key", is_required=True)], FileForm("xlsx"))
    assert outcome.rows == []
    assert "sheet" in outcome.refusals[0]
