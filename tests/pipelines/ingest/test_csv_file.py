"""Lines that are no rows are told from rows, and a broken line never loads as something else."""

import csv
import gzip
import io
import random
from decimal import Decimal
from typing import Any

import pytest

from pipelines.ingest.batch import RawBatch
from pipelines.ingest.csv_file import CsvFile
from pipelines.ingest.landing import find_files
from tests.pipelines.ingest.shop import COLUMNS, HEADER, Shop, csv_of, sale
from tests.pipelines.ingest.test_bad_input import refused
from tests.pipelines.ingest.test_byte_stream import zipped, zstd

# Text columns only: no type helps to tell a footer from a row.
LABELS = {
    "tag": {"physical": "string", "primaryKey": True},
    "label": {"physical": "string"},
    "colour": {"physical": "string"},
    "sold_at": {"physical": "timestamp_ntz", "touchpointRole": "event_time"},
}
TAGS = "tag,label,colour,sold_at\n"


def tag(number: int) -> str:
    return f"T{number},item,red,2017-03-01 10:00:00\n"


@pytest.fixture
def tags(shop: Shop) -> Shop:
    shop.contract_with(LABELS)
    return shop


def loaded(shop: Shop) -> list[str]:
    return [row[0] for row in shop.rows(["tag"])]


# Header


def test_title_lines_above_the_header_are_named_and_the_stated_header_row_is_read(shop: Shop) -> None:
    content = 'Sales "export,,,\n\nGenerated 2017-06-30\n' + csv_of(sale(1), sale(2))
    shop.land("a.csv", content)
    assert refused(shop) == (
        "a.csv, line 1: the header is not in line 1; line 4 looks like it: state headerRow: 4 in the contract, "
        "or remove the lines above it"
    )
    shop.contract_with(headerRow=4)
    assert shop.load().rows_added == 2
    assert shop.rows(["sale_id", "_line"]) == [("s1", 5), ("s2", 6)]


def test_a_stated_header_row_that_is_wrong_is_refused_with_the_right_one(shop: Shop) -> None:
    shop.contract_with(headerRow=3)
    shop.land("a.csv", csv_of(sale(1), sale(2)))
    assert "the header is not in line 3; line 1 looks like it: state headerRow: 1" in refused(shop)


def test_a_file_without_any_header_is_refused_without_repeating_its_first_line(shop: Shop) -> None:
    shop.land("a.csv", sale(1) + sale(2))
    message = refused(shop)
    assert "add the header line if it is missing" in message
    assert "010-0000-0001" not in message


@pytest.mark.parametrize("header", ["SALE_ID", " Sale_Id ", "ｓａｌｅ＿ｉｄ", "sale_id\u200b", '"sale_id"'])
def test_a_header_in_another_spelling_is_read_as_the_column_it_must_mean(shop: Shop, header: str) -> None:
    shop.land("a.csv", csv_of(sale(1)).replace("sale_id", header, 1))
    report = shop.load()
    assert shop.ids() == ["s1"]
    assert report.drift == ()
    if header.strip('"') != "sale_id":
        assert f"a.csv: column {header.strip()} was read as sale_id" in report.faults


def test_two_headers_that_could_be_the_same_column_are_refused(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)).replace("sale_id", "SALE_ID", 1).replace("pieces", "Sale_Id", 1))
    assert "column sale_id could be SALE_ID and Sale_Id; keep one of them" in refused(shop)


def test_columns_in_another_order_are_read_by_their_names(shop: Shop) -> None:
    shop.land("a.csv", "sold_at,AMOUNT,sale_id,pieces,전화번호,store\n2017-03-01 10:00:00,2.50,s9,3,,부산\n")
    shop.load()
    assert shop.rows(["sale_id", "amount", "pieces"]) == [("s9", Decimal("2.50"), 3)]


def test_a_header_that_stands_again_between_the_rows_is_quarantined(tags: Shop) -> None:
    tags.land("a.csv", TAGS + tag(1) + TAGS + tag(2) + TAGS.upper() + tag(3))
    report = tags.load()
    assert (report.rows_added, report.rows_quarantined) == (3, 2)
    assert tags.quarantine() == [(3, None, "header"), (5, None, "header")]
    assert loaded(tags) == ["T1", "T2", "T3"]


def test_a_replay_does_not_load_a_repeated_header_or_a_total(tags: Shop) -> None:
    tags.land("a.csv", TAGS + tag(1) + TAGS + "Total,,,\n")
    assert tags.load().rows_quarantined == 2
    assert tags.replay().rows_added == 0
    assert loaded(tags) == ["T1"]


def test_a_second_header_in_another_order_refuses_the_file(tags: Shop) -> None:
    tags.land("a.csv", TAGS + tag(1) + "label,tag,colour,sold_at\nitem,T2,red,2017-03-01 10:00:00\n")
    assert "line 3 has the header's names in another order; split the file at this line" in tags.load().faults[0]
    assert loaded(tags) == []


# Footers


@pytest.mark.parametrize(
    "footer",
    [
        "Total,,,",
        "TOTAL:,2,,",
        ",Total,,",
        "합계,,,",
        "3 rows,,,",
        "(2 rows),,,",
        "Rows: 2,,,",
        "Summe,,,",
        "총 2건,,,",
    ],
)
def test_a_footer_of_the_same_width_is_quarantined_with_what_to_do(tags: Shop, footer: str) -> None:
    tags.land("a.csv", TAGS + tag(1) + tag(2) + footer + "\n")
    report = tags.load()
    assert (report.rows_added, report.rows_quarantined) == (2, 1)
    ((rule, reason),) = tags.quarantine("rule", "reason")
    assert (rule, "state footerRows" in reason) == ("footer", True)


def test_a_footer_of_another_width_is_quarantined_with_what_to_do(tags: Shop) -> None:
    tags.land("a.csv", TAGS + tag(1) + "\nTotal\n2 rows selected\n")
    assert tags.load().rows_quarantined == 2
    assert all("state footerRows" in reason for (reason,) in tags.quarantine("reason"))


def test_a_subtotal_between_the_rows_is_quarantined(tags: Shop) -> None:
    tags.land("a.csv", TAGS + "".join(tag(number) for number in range(20)) + "Subtotal,,,\n" + tag(20) * 10)
    assert tags.load().rows_quarantined == 1


def test_a_row_that_only_begins_like_a_total_is_loaded(tags: Shop) -> None:
    tags.land("a.csv", TAGS + "Total Wine,item,red,\nSummer,item,red,\n12 roses,item,red,\n")
    assert tags.load().rows_added == 3


def test_stated_footer_rows_are_not_read(tags: Shop) -> None:
    tags.contract_with(LABELS, footerRows=2)
    tags.land("a.csv", TAGS + tag(1) + tag(2) + "\nTotal,,,\nEnd of file\n")
    report = tags.load()
    assert (report.rows_added, report.rows_quarantined, report.faults) == (2, 0, ())


def test_a_stated_footer_row_that_looks_like_data_is_quarantined_and_not_dropped(tags: Shop) -> None:
    tags.contract_with(LABELS, footerRows=1)
    tags.land("a.csv", TAGS + tag(1) + tag(2))
    report = tags.load()
    assert (report.rows_added, report.rows_quarantined) == (1, 1)
    assert tags.quarantine() == [(3, None, "footer")]


def test_a_footer_is_found_at_each_length_of_the_file(tags: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.ingest.text_rows.TEXT_BATCH_ROWS", 4)
    for rows in range(1, 25):
        tags.land(f"{rows:02d}.csv", TAGS + "".join(f"R{rows}x{row},a,b,\n" for row in range(rows)) + "Total,,,\n")
    report = tags.load()
    assert (report.rows_added, report.rows_quarantined) == (sum(range(1, 25)), 24)


# Quotes


def test_lines_that_an_open_quote_swallowed_are_quarantined_one_by_one_and_named(tags: Shop) -> None:
    tags.land("a.csv", TAGS + tag(1) + 'T2,"open,red,\n' + tag(3) + 'T4,"x",red,\n' + tag(5))
    report = tags.load()
    assert (report.rows_added, report.rows_quarantined) == (2, 3)
    assert tags.quarantine("line") == [(3,), (4,), (5,)]
    assert "lines 3 to 5 (3 lines) were read as one record" in tags.quarantine("reason")[0][0]
    assert loaded(tags) == ["T1", "T5"]


def test_lines_that_a_later_quote_closes_are_quarantined_although_the_record_has_the_right_width(tags: Shop) -> None:
    # As CSV this is one record of four fields; its second field holds the rows T3 and a part of T4.
    swallowed = 'T2,"open,red,2017-03-01 10:00:00\n' + tag(3) + 'T4,item",red,2017-03-01 10:00:00\n'
    assert [len(record) for record in csv.reader(io.StringIO(swallowed))] == [4]
    tags.land("a.csv", TAGS + tag(1) + swallowed + tag(5))
    assert tags.load().rows_quarantined == 3
    assert loaded(tags) == ["T1", "T5"]


def test_line_breaks_within_quotes_are_no_fault(tags: Shop) -> None:
    text = 'T2,"first line\nsecond, with commas,\nthird ""quoted""",red,2017-03-01 10:00:00\n'
    tags.land("a.csv", TAGS + tag(1) + text + tag(3))
    assert tags.load().rows_quarantined == 0
    assert tags.rows(["label"])[0] == ('first line\nsecond, with commas,\nthird "quoted"',)


def test_line_breaks_within_quotes_are_quarantined_where_the_contract_rules_them_out(tags: Shop) -> None:
    tags.contract_with(LABELS, multiline=False)
    tags.land("a.csv", TAGS + tag(1) + 'T2,"a\nb",red,2017-03-01 10:00:00\n')
    assert tags.load().rows_quarantined == 2
    assert "the contract states multiline: false" in tags.quarantine("reason")[0][0]


@pytest.mark.parametrize("label", [r'"back\"slash"', r'"back\"",red"'])
def test_a_quote_escaped_by_a_backslash_is_quarantined_with_the_reason(tags: Shop, label: str) -> None:
    tags.land("a.csv", TAGS + tag(1) + f"T2,{label},red,\n" + tag(3))
    assert tags.load().rows_quarantined == 1
    assert "escaped by a backslash" in tags.quarantine("reason")[0][0]
    assert loaded(tags) == ["T1", "T3"]


def test_an_unclosed_quote_behind_a_backslash_is_refused_with_the_reason(tags: Shop) -> None:
    tags.land("a.csv", TAGS + tag(1) + r'T2,"back\"",red,' + "\n" + tag(3))
    assert "line 3 is never closed; correct the file. A quote is escaped by a backslash" in tags.load().faults[0]


@pytest.mark.parametrize("label", ['"C:\\temp\\"', "back\\slash", '"{""a"": ""x\\""""}"'])
def test_a_backslash_without_a_doubt_is_text(tags: Shop, label: str) -> None:
    tags.land("a.csv", TAGS + f"T2,{label},red,\n")
    assert tags.load().rows_added == 1


def test_runs_of_nul_bytes_are_quarantined_and_a_single_one_is_text(tags: Shop) -> None:
    tags.land("a.csv", TAGS + tag(1) + "T2,a\0b,red,\n" + "T3,a" + 20 * "\0" + ",red,\n")
    assert tags.load().rows_quarantined == 1
    assert "NUL bytes" in tags.quarantine("reason")[0][0]
    assert loaded(tags) == ["T1", "T2"]


# Encoding


@pytest.mark.parametrize(
    ("codec", "suggestion"),
    [("cp949", "CP949"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16LE")],
)
def test_a_header_in_another_encoding_is_refused_with_a_suggestion(shop: Shop, codec: str, suggestion: str) -> None:
    shop.land("a.csv", csv_of(sale(1)), codec)
    assert f"it looks like {suggestion}: change encoding in the contract" in refused(shop)


@pytest.mark.parametrize(
    ("text", "codec", "suggestion"),
    [("홍길동 고객", "cp949", "CP949"), ("Åsa Öberg Gärdstad", "latin-1", "windows-1252")],
)
def test_rows_in_another_encoding_are_quarantined_with_a_suggestion(
    tags: Shop, text: str, codec: str, suggestion: str
) -> None:
    tags.land("a.csv", TAGS + tag(1) + f"T2,{text},red,\n", codec)
    report = tags.load()
    assert (report.rows_added, report.rows_quarantined) == (1, 1)
    assert f"bytes that are not UTF-8; it looks like {suggestion}: change encoding" in report.faults[0]


@pytest.mark.parametrize("stated", ["CP949", "ISO-8859-1", "windows-1252"])
@pytest.mark.parametrize("rows", [1, 20_000])
def test_a_utf8_file_is_refused_where_another_encoding_is_stated(tags: Shop, stated: str, rows: int) -> None:
    tags.contract_with(LABELS, encoding=stated)
    # The bytes are valid in each of these encodings; only their meaning is wrong.
    tags.land("a.csv", TAGS + rows * tag(1) + "T2,서울 매장,red,\n")
    assert f"the file is encoded in UTF-8, the contract states {stated}" in tags.load().faults[0]
    assert loaded(tags) == []


@pytest.mark.parametrize(("stated", "text"), [("CP949", "서울 매장 하나"), ("ISO-8859-1", "Åsa Gärdstad é")])
def test_a_file_in_the_stated_encoding_is_loaded(tags: Shop, stated: str, text: str) -> None:
    tags.contract_with(LABELS, encoding=stated)
    tags.land("a.csv", TAGS + f"T2,{text},red,\n", {"CP949": "cp949"}.get(stated, "latin-1"))
    tags.load()
    assert tags.rows(["label"]) == [(text,)]


# Compression and suffixes


def test_compressed_files_and_members_load_under_their_names(shop: Shop) -> None:
    shop.contract_with(path="sale/*.csv")
    shop.land("1.csv.gz", gzip.compress(csv_of(sale(1)).encode()))
    shop.land("2.CSV.ZST", zstd(csv_of(sale(2)).encode()))
    shop.land("3.zip", zipped({"x/3.csv": csv_of(sale(3)).encode(), "4.CSV": csv_of(sale(4)).encode(), "a.md": b""}))
    report = shop.load()
    assert (report.files_new, report.rows_added, report.faults) == (4, 4, ())
    assert shop.rows(["sale_id", "_source_file", "_line"]) == [
        ("s1", "1.csv.gz", 2),
        ("s2", "2.CSV.ZST", 2),
        ("s3", "3.zip/x/3.csv", 2),
        ("s4", "3.zip/4.CSV", 2),
    ]
    assert shop.load().files_new == 0


def test_a_broken_member_does_not_hold_up_the_others(shop: Shop) -> None:
    content = bytearray(zipped({"1.csv": csv_of(sale(1)).encode(), "2.csv": csv_of(sale(2)).encode()}))
    content[content.find(b"1.csv") + 12] ^= 0xFF
    shop.land("a.zip", bytes(content))
    report = shop.load()
    assert shop.ids() == ["s2"]
    assert report.faults[0].startswith("a.zip/1.csv: the archive is damaged or cut off")


def test_a_tab_separated_text_file_is_loaded(shop: Shop) -> None:
    shop.contract_with(path="sale/*.txt", delimiter="\\t")
    shop.land("a.TXT", csv_of(sale(1)).replace(",", "\t"))
    assert shop.load().rows_added == 1


def test_a_workbook_and_a_parquet_file_are_refused_by_name(shop: Shop) -> None:
    shop.land("a.csv", zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}))
    shop.land("b.csv", b"PAR1" + bytes(100) + b"PAR1")
    report = shop.load()
    assert "a.csv: the file is an Excel workbook; state format: xlsx in the contract" in report.faults
    assert "b.csv: the file is a Parquet file; state format: parquet in the contract" in report.faults


# Both ways of reading lines


def rows_of(batch: RawBatch) -> list[tuple[Any, ...]]:
    values = [batch.columns[column].to_pylist() for column in COLUMNS]
    return list(zip(batch.lines.tolist(), *values, (batch.faults.codes > 0).tolist(), strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_the_same_with_and_without_a_quote_near_them(shop: Shop, seed: int) -> None:
    """Lines near no quote are split at once; the result is that of the csv module, line numbers included."""
    draw = random.Random(seed)
    end = draw.choice(["\n", "\r\n", "\r"])
    odd = ["", "s1,x", "a" * 300]
    rows = range(draw.choice([3, 5000]))
    lines = [HEADER.strip(), *(sale(row).strip() if draw.random() < 0.98 else draw.choice(odd) for row in rows)]
    plain = end.join([*lines, ""])
    quoted = plain.replace("2017-03-01 10:00:00", '"2017-03-01 10:00:00"')
    read = []
    for name, content in (("plain.csv", plain), ("quoted.csv", quoted)):
        shop.contract_with(path=f"sale/{name}")
        shop.land(name, content)
        (file,) = find_files(shop.landing, f"sale/{name}")
        assert shop.contract.file is not None
        batches = CsvFile(file, shop.contract, shop.contract.file, 1 << 20).batches()
        read.append([row for batch in batches for row in rows_of(batch)])
    assert read[0] == read[1]
    expected = [(number, row) for number, row in enumerate(csv.reader(lines), 1) if row][1:]
    assert [line for line, *_ in read[0]] == [number for number, _ in expected]
    assert [row[1] for row in read[0]] == [fields[0] if len(fields) == 6 else None for _, fields in expected]
