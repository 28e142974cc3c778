"""Cells of a workbook arrive with their types; what is no value goes to quarantine with its place."""

import datetime
import io
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from pipelines.ingest import sheet_markup
from tests.pipelines.ingest.shop import COLUMNS, Shop, csv_of, sale
from tests.pipelines.ingest.test_bad_input import refused
from tests.pipelines.ingest.test_byte_stream import zipped

NAMES = ["sale_id", "전화번호", "store", "amount", "pieces", "sold_at"]
TEN = datetime.datetime.fromisoformat("2017-03-01T10:00:00")


def row(number: int, **cells: Any) -> list[Any]:
    values = dict(zip(NAMES, [f"s{number}", None, "서울", 1.5, 2, TEN], strict=True))
    return list((values | cells).values())


def workbook(*sheets: tuple[str, Sequence[Sequence[Any]]]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(list(cells))
    return book


def saved(book: openpyxl.Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def one_sheet(*rows: Sequence[Any]) -> openpyxl.Workbook:
    return workbook(("Sales", [NAMES, *rows]))


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.contract_with(format="xlsx", path="sale/*.xlsx")
    return shop


def test_cells_are_loaded_in_the_types_of_the_contract(shop: Shop) -> None:
    shop.land("a.XLSX", saved(one_sheet(row(1, 전화번호=1012345678), row(2, amount=12, pieces=None), row(3))))
    report = shop.load()
    assert (report.rows_added, report.rows_quarantined, report.faults) == (3, 0, ())
    assert shop.rows(["sale_id", "phone", "amount", "pieces", "sold_at", "_line"]) == [
        ("s1", "1012345678", Decimal("1.50"), 2, TEN, 2),
        ("s2", None, Decimal("12.00"), None, TEN, 3),
        ("s3", None, Decimal("1.50"), 2, TEN, 4),
    ]


def test_a_column_of_numbers_texts_and_times_is_read_cell_by_cell(shop: Shop) -> None:
    times = [TEN, "2017-03-01 10:00:00", "2017-03-01 10:00:00"]
    amounts = [1.5, "2.25", "many"]
    rows = [row(number, sold_at=times[number], amount=amounts[number]) for number in range(3)]
    shop.land("a.xlsx", saved(one_sheet(*rows)))
    assert shop.load().rows_added == 2
    assert shop.rows(["amount", "sold_at"]) == [(Decimal("1.50"), TEN), (Decimal("2.25"), TEN)]
    assert shop.quarantine() == [(4, "amount", "type")]


def test_a_typed_time_among_texts_in_the_contracts_format_is_read(shop: Shop) -> None:
    sold_at = {**COLUMNS["sold_at"], "format": "d.M.yyyy HH:mm"}
    shop.contract_with({**COLUMNS, "sold_at": sold_at}, format="xlsx")
    shop.land("a.xlsx", saved(one_sheet(row(1), row(2, sold_at="1.3.2017 10:00"))))
    assert shop.load().rows_quarantined == 0
    assert shop.rows(["sold_at"]) == [(TEN,), (TEN,)]


def test_dates_and_booleans_are_read(shop: Shop) -> None:
    columns = {**COLUMNS, "born": {"physical": "date"}, "member": {"physical": "boolean"}}
    shop.contract_with(columns, format="xlsx")
    day = datetime.date(1980, 2, 29)
    shop.land("a.xlsx", saved(workbook(("S", [[*NAMES, "born", "member"], [*row(1), day, True]]))))
    shop.load()
    assert shop.rows(["born", "member"]) == [(day, True)]


def test_times_of_the_1904_calendar_are_the_same_times(shop: Shop) -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.append(NAMES)
    book.active.append(row(1))
    shop.land("a.xlsx", saved(book))
    shop.load()
    assert shop.rows(["sold_at"]) == [(TEN,)]


def test_empty_rows_are_skipped_and_lines_are_rows_of_the_sheet(shop: Shop) -> None:
    shop.land("a.xlsx", saved(one_sheet([], row(1), [], [], row(2, store="대구"), row(3))))
    shop.load()
    assert shop.rows(["sale_id", "_line"]) == [("s1", 3), ("s3", 7)]
    assert shop.quarantine() == [(6, "store", "enum")]


def test_a_table_that_does_not_begin_in_the_first_cell_is_read(shop: Shop) -> None:
    book = openpyxl.Workbook()
    for number, cells in enumerate([NAMES, row(1, store="=1/0"), row(2)], 4):
        for column, value in enumerate(cells, 3):
            book.active.cell(number, column).value = value
    shop.contract_with(format="xlsx", headerRow=4)
    shop.land("a.xlsx", saved(book))
    assert shop.load().rows_added == 1
    assert shop.quarantine() == [(5, "store", "cell")]


def test_title_rows_are_named_and_the_stated_header_row_is_read(shop: Shop) -> None:
    book = workbook(("Sales", [["Sales 2017"], [], NAMES, row(1), ["Total", None, None, 1.5]]))
    shop.land("a.xlsx", saved(book))
    assert refused(shop) == (
        "a.xlsx, line 1: the header is not in row 1; row 3 looks like it: state headerRow: 3 in the contract, "
        "or remove the rows above it"
    )
    shop.contract_with(format="xlsx", headerRow=3, footerRows=1)
    report = shop.load()
    assert (report.rows_added, report.rows_quarantined) == (1, 0)


def test_a_total_below_the_rows_and_a_header_between_them_are_quarantined(shop: Shop) -> None:
    shop.land("a.xlsx", saved(one_sheet(row(1), NAMES, row(2), ["Total", None, "서울", 3.0, 4, TEN])))
    assert shop.load().rows_added == 2
    assert shop.quarantine() == [(3, None, "header"), (5, None, "footer")]
    assert shop.replay().rows_added == 0


@pytest.mark.parametrize(("formula", "error"), [("=1/0", None), ("#N/A", "e"), ("#DIV/0!", "e")])
def test_formula_errors_are_quarantined_and_no_replay_loads_them_as_null(
    shop: Shop, formula: str, error: str | None
) -> None:
    book = one_sheet(row(1), row(2, amount=formula), row(3))
    if error:
        book["Sales"]["D3"].data_type = error
    shop.land("a.xlsx", saved(book))
    assert shop.load().rows_added == 2
    assert shop.quarantine() == [(3, "amount", "cell")]
    assert shop.replay().rows_added == 0


def test_a_formula_with_its_result_is_loaded(shop: Shop) -> None:
    content = zipfile.ZipFile(io.BytesIO(saved(one_sheet(row(1, amount="=1+1")))))
    parts = {name: content.read(name) for name in content.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b"<v></v>" in sheet or b"<v />" in sheet or b"<v/>" in sheet
    for empty in (b"<v></v>", b"<v />", b"<v/>"):
        sheet = sheet.replace(empty, b"<v>2</v>")
    shop.land("a.xlsx", zipped({**parts, "xl/worksheets/sheet1.xml": sheet}))
    assert shop.load().rows_quarantined == 0
    assert shop.rows(["amount"]) == [(Decimal("2.00"),)]


def test_an_error_is_found_wherever_a_chunk_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(number, amount="=1/0" if number % 7 == 3 else 1.5) for number in range(50)]
    shop.land("a.xlsx", saved(one_sheet(*rows)))
    monkeypatch.setattr(sheet_markup, "CHUNK_BYTES", 97)
    monkeypatch.setattr(sheet_markup, "OVERLAP_BYTES", 200)
    assert shop.load().rows_quarantined == 7


def test_rows_of_merged_cells_are_quarantined(shop: Shop) -> None:
    book = one_sheet(row(1), row(2, 전화번호="010-1234-5678"), row(3), row(4))
    book["Sales"].merge_cells("B3:B4")
    shop.land("a.xlsx", saved(book))
    assert shop.load().rows_added == 3
    assert shop.quarantine("line", "column", "reason") == [(4, "phone", sheet_markup.MERGED)]


def test_a_column_that_the_contract_lacks_may_have_errors(shop: Shop) -> None:
    shop.land("a.xlsx", saved(workbook(("S", [[*NAMES, "note"], [*row(1), "=1/0"]]))))
    assert shop.load().rows_added == 1


def test_cells_beside_the_table_are_noted(shop: Shop) -> None:
    shop.land("a.xlsx", saved(workbook(("S", [NAMES, [*row(1), None, "see mail"]]))))
    assert shop.load().faults == ("a.xlsx: cells right of column F were not loaded",)


def test_several_sheets_need_a_stated_one(shop: Shop) -> None:
    book = workbook(("North", [NAMES, row(1)]), ("South", [NAMES, row(2)]), ("Empty", []))
    shop.land("a.xlsx", saved(book))
    assert refused(shop) == "a.xlsx: the sheets North, South have cells; state one of them as sheet in the contract"
    shop.contract_with(format="xlsx", sheet="South")
    shop.load()
    assert shop.ids() == ["s2"]


def test_the_only_sheet_with_cells_is_read_and_hidden_ones_are_noted(shop: Shop) -> None:
    book = workbook(("Empty", []), ("Sales", [NAMES, row(1)]), ("Lists", [["a"]]))
    book["Lists"].sheet_state = "hidden"
    shop.land("a.xlsx", saved(book))
    report = shop.load()
    assert (report.rows_added, report.faults) == (1, ("a.xlsx: hidden sheet Lists was not loaded",))


def test_a_sheet_that_the_workbook_lacks_is_refused_with_its_sheets(shop: Shop) -> None:
    shop.contract_with(format="xlsx", sheet="March")
    shop.land("a.xlsx", saved(one_sheet(row(1))))
    assert "the workbook has no sheet March; it has Sales: correct sheet in the contract" in refused(shop)


def test_a_workbook_without_cells_is_refused(shop: Shop) -> None:
    shop.land("a.xlsx", saved(workbook(("Empty", []))))
    assert "no visible sheet of the workbook has cells" in refused(shop)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty (0 bytes)"),
        (b"<html><table></table></html>", "the file is HTML or XML, although its contract states xlsx"),
        (csv_of(sale(1)).encode(), "the file is no Excel workbook, although its contract states xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Excel workbook (.xls) or one with a password"),
        (zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), "the workbook is damaged"),
        (zipped({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}), "the workbook is damaged"),
    ],
)
def test_what_is_no_workbook_is_refused_with_what_to_do(shop: Shop, content: bytes, reason: str) -> None:
    shop.land("a.xlsx", content)
    assert reason in refused(shop)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_workbook_that_is_cut_off_is_refused(shop: Shop, share: float) -> None:
    content = saved(one_sheet(*(row(number) for number in range(100))))
    shop.land("a.xlsx", content[: int(len(content) * share)])
    assert "damaged or cut off" in refused(shop)


def test_a_workbook_that_is_too_large_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_markup, "MAX_WORKBOOK_BYTES", 1000)
    shop.land("a.xlsx", saved(one_sheet(row(1))))
    assert "when decompressed; export it as CSV" in refused(shop)


def test_a_workbook_in_an_archive_is_loaded(shop: Shop) -> None:
    shop.land("a.zip", zipped({"2017/sales.xlsx": saved(one_sheet(row(1)))}))
    assert shop.load().rows_added == 1
    assert shop.rows(["_source_file"]) == [("a.zip/2017/sales.xlsx",)]


def test_a_quarantined_row_of_a_sheet_is_replayed(shop: Shop) -> None:
    shop.land("a.xlsx", saved(one_sheet(row(1), row(2, store="대구", 전화번호=1012345678))))
    shop.load()
    store = {"physical": "string", "enum": ["서울", "부산", "대구"], "required": True}
    shop.contract_with({**COLUMNS, "store": store}, format="xlsx", path="sale/*.xlsx")
    assert shop.replay().rows_added == 1
    assert shop.rows(["phone", "amount", "pieces", "sold_at", "_line"])[0] == (
        "1012345678",
        Decimal("1.50"),
        2,
        TEN,
        3,
    )


def test_columns_are_numbered_as_excel_names_them() -> None:
    for number, letters in ((0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")):
        assert (sheet_markup.column_letters(number), sheet_markup.column_number(letters)) == (letters, number)
