"""Each kind of bad input gives a message with its place and the next step, and no row is lost."""

import resource
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipelines.ingest.shop import COLUMNS, HEADER, Shop, csv_of, sale

GOOD = "s1,,서울,1.50,2,2017-03-01 10:00:00\n"


def refused(shop: Shop) -> str:
    """Load a file that cannot be loaded at all and return its message."""
    report = shop.load()
    assert report.rows_added == 0
    assert len(report.faults) == 1
    assert shop.quarantine("line", "replayed_load_id") == [(None, None)]
    assert shop.ids() == []
    return report.faults[0]


@pytest.mark.parametrize(
    ("line", "column", "rule"),
    [
        (",,서울,1,1,2017-03-01 10:00:00", "sale_id", "required"),
        ("x1,,서울,1,1,2017-03-01 10:00:00", "sale_id", "pattern"),
        ("s1,,대구,1,1,2017-03-01 10:00:00", "store", "enum"),
        ("s1,,서울,1.005,1,2017-03-01 10:00:00", "amount", "number_format"),
        ("s1,,서울,1.0051,1,2017-03-01 10:00:00", "amount", "type"),
        ("s1,,서울,-1,1,2017-03-01 10:00:00", "amount", "bounds"),
        ("s1,,서울,12345678901.00,1,2017-03-01 10:00:00", "amount", "type"),
        ("s1,,서울,NaN,1,2017-03-01 10:00:00", "amount", "type"),
        ("s1,,서울,1,100,2017-03-01 10:00:00", "pieces", "bounds"),
        ("s1,,서울,1,0x1F,2017-03-01 10:00:00", "pieces", "type"),
        ("s1,,서울,1,99999999999999999999,2017-03-01 10:00:00", "pieces", "type"),
        ("s1,,서울,1,1,2017-02-30 10:00:00", "sold_at", "type"),
        ("s1,,서울,1,1,2017-03-01T10:00:00+19:00", "sold_at", "time_zone"),
        ("s1,,서울,1,1,1496532600", "sold_at", "time_unit"),
        ("s1,,서울,₩1,1,2017-03-01 10:00:00", "amount", "number_format"),
        ("s1,,서울,1,01,2017-03-01 10:00:00", "pieces", "leading_zero"),
        ("s1,,서울,1,1,9999-12-31 00:00:00", "sold_at", "plausible_date"),
        ("s1,,서울,1,1,", "sold_at", "required"),
        ("s1,,서울,1,1", None, "fields"),
        ("s1,,서울,1,1,2017-03-01 10:00:00,extra", None, "fields"),
        ('s1,"a"b,서울,1,1,2017-03-01 10:00:00', None, "fields"),
    ],
)
def test_a_broken_row_goes_to_quarantine_alone(shop: Shop, line: str, column: str | None, rule: str) -> None:
    shop.land("a.csv", csv_of(sale(7), line + "\n", sale(8)))
    report = shop.load()
    assert (report.rows_read, report.rows_added, report.rows_quarantined) == (3, 2, 1)
    assert shop.ids() == ["s7", "s8"]
    assert shop.quarantine() == [(3, column, rule)]
    record = shop.records()[0]
    kept = record.get("_text", ",".join(record.values()))
    assert kept.strip() == line


def test_a_row_with_several_faults_has_one_entry_for_its_first_column(shop: Shop) -> None:
    shop.land("a.csv", csv_of("x,,대구,-1,0,never\n"))
    shop.load()
    assert shop.quarantine() == [(2, "sale_id", "pattern")]


def test_a_row_with_invalid_utf8_is_quarantined_with_its_exact_bytes(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)).encode() + "s2,,부산".encode("cp949") + b",1,1,2017-03-01 10:00:00\n")
    report = shop.load()
    assert (report.rows_added, report.rows_quarantined) == (1, 1)
    assert shop.quarantine() == [(3, "store", "encoding")]
    assert "base64" in shop.records()[0]["store"]


def test_a_file_in_another_encoding_is_refused_and_the_likely_one_is_named(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)), "cp949")
    assert refused(shop) == (
        "a.csv, line 1: the header is not valid UTF-8; it looks like CP949: change encoding in the contract"
    )


def test_a_file_with_another_delimiter_is_refused_and_the_right_one_is_named(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)).replace(",", ";"))
    assert "but the contract's columns with ';': change delimiter" in refused(shop)


def test_a_file_without_a_required_column_is_refused(shop: Shop) -> None:
    shop.land("a.csv", "sale_id,전화번호,amount,pieces,sold_at\ns1,,1,1,2017-03-01 10:00:00\n")
    message = refused(shop)
    assert "a.csv, line 1: column store is missing; the file has sale_id, 전화번호, amount" in message


def test_a_file_with_a_renamed_optional_column_is_refused(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)).replace("pieces", "count"))
    assert "column pieces is missing" in (message := refused(shop))
    assert "if count is its new name, add count to the column's synonyms" in message


def test_a_missing_optional_column_is_null_and_noted(shop: Shop) -> None:
    shop.land("a.csv", "sale_id,전화번호,store,amount,sold_at\ns1,,서울,1,2017-03-01 10:00:00\n")
    assert shop.load().faults == ("a.csv: column pieces is not in the file; it is null in all rows of the file",)
    assert shop.rows(["pieces"]) == [(None,)]


def test_a_file_with_a_repeated_column_is_refused(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)).replace("pieces", "amount"))
    assert "column amount occurs twice in the file" in refused(shop)


@pytest.mark.parametrize(("form", "content"), [("csv", b""), ("jsonl", b""), ("parquet", b""), ("csv", b"\n")])
def test_an_empty_file_is_refused(shop: Shop, form: str, content: bytes) -> None:
    shop.contract_with(format=form)
    shop.land("a", content)
    assert "a" in (message := refused(shop))
    assert "empty" in message or "no header line" in message


def test_a_file_with_only_a_header_is_loaded_once(shop: Shop) -> None:
    shop.land("a.csv", HEADER)
    assert (shop.load().files_new, shop.load().files_new) == (1, 0)
    shop.land("b.csv", csv_of(sale(1)))
    assert shop.load().rows_added == 1
    shop.land("c.csv", HEADER + "\n")
    assert (shop.load().files_new, shop.load().files_new) == (1, 0)


def good_parquet(shop: Shop, rows: int = 1000) -> bytes:
    shop.contract_with(format="parquet")
    path = shop.folder / "good.parquet"
    table = pa.table(
        {
            "sale_id": [f"s{number}" for number in range(rows)],
            "전화번호": pa.nulls(rows, pa.string()),
            "store": ["서울"] * rows,
            "amount": [1.0] * rows,
            "pieces": [1] * rows,
            "sold_at": pa.array([1488362400] * rows, pa.timestamp("s")),
        }
    )
    pq.write_table(table, path)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_parquet_file_is_refused_whole(shop: Shop, share: float) -> None:
    content = good_parquet(shop)
    shop.land("a.parquet", content[: int(len(content) * share)])
    assert "a.parquet: the file is not a complete Parquet file" in (message := refused(shop))
    assert message.endswith("send it again")
    shop.land("a.parquet", content)
    assert shop.load().rows_added == 1000


def test_a_parquet_file_damaged_inside_is_refused_whole(shop: Shop) -> None:
    content = bytearray(good_parquet(shop))
    content[200:400] = bytes(200)
    shop.land("a.parquet", bytes(content))
    assert "not a complete Parquet file" in refused(shop)


def test_a_parquet_file_with_a_column_of_an_unrelated_type_is_refused(shop: Shop) -> None:
    shop.contract_with(format="parquet")
    table = pq.read_table(pa.BufferReader(good_parquet(shop)))
    changed = table.set_column(4, "pieces", pa.array([[1]] * table.num_rows))
    pq.write_table(changed, shop.landing / "sale" / "a.parquet")
    message = refused(shop)
    assert "column pieces has type list<" in message
    assert "the contract states int: change physicalType in the contract, or correct the file" in message


def test_only_rows_with_text_in_a_number_column_go_to_quarantine(shop: Shop) -> None:
    shop.contract_with(format="parquet")
    table = pq.read_table(pa.BufferReader(good_parquet(shop, 3)))
    changed = table.set_column(4, "pieces", pa.array(["1", "many", "2"]))
    pq.write_table(changed, shop.landing / "sale" / "a.parquet")
    assert shop.load().rows_added == 2
    assert shop.quarantine() == [(2, "pieces", "type")]


def test_a_file_with_too_many_broken_rows_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.ingest.source_load.MAX_BROKEN_ROWS", 5)
    shop.land("a.csv", csv_of(*(sale(number, "대구") for number in range(10))))
    assert "more than 5 rows break the contract; the first breaks it in column store: not one of" in refused(shop)


def test_an_unclosed_quote_is_reported_with_its_line(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), 's2,"open,서울,1,1,2017-03-01 10:00:00\n', sale(3), sale(4)))
    assert "a quote that opens in the record at line 3 is never closed" in refused(shop)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_line_over_the_limit_is_refused_with_its_number(shop: Shop, form: str) -> None:
    shop.contract_with(format=form)
    shop.land("a", csv_of(sale(1)) + "x" * 5000 + "\n")
    report = shop.load(max_line=1000)
    assert "a, line 3: line 3 is longer than 1000 characters; correct the file or raise max_line_size" in report.faults
    assert shop.ids() == []


def test_a_record_over_the_limit_is_refused_with_its_first_line(shop: Shop) -> None:
    shop.land("a.csv", csv_of('s1,"' + "x\n" * 5000))
    message = shop.load(max_line=1000).faults[0]
    assert "the record that begins at line 2 is longer than 1000 characters; a quote may not be closed" in message


@pytest.mark.slow
def test_a_line_of_a_gibibyte_takes_bounded_memory(shop: Shop) -> None:
    path = shop.land("a.csv", csv_of(sale(1)))
    with path.open("r+b") as file:
        file.seek(1 << 30, 2)
        file.write(b"\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "line 3 is longer than 67108864 characters" in refused(shop)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 * 1024


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"sale_id": "s1"', "not a line of JSON"),
        ("[1]", "not a JSON object"),
        ('{"other": 1}', "has no field of the contract"),
        ('{"sale_id": "s1", "amount": NaN}', "not a line of JSON"),
        ('{"sale_id": "s1", "store": "\\ud800", "sold_at": "2017-03-01T10:00:00"}', "the bytes are not"),
        ("[" * 100_000, "not a line of JSON"),
    ],
)
def test_a_broken_line_of_json_goes_to_quarantine_alone(shop: Shop, line: str, reason: str) -> None:
    shop.contract_with(format="jsonl")
    good = '{"sale_id": "s7", "store": "서울", "sold_at": "2017-03-01T10:00:00"}\n'
    shop.land("a.jsonl", good + line + "\n" + good.replace("s7", "s8"))
    report = shop.load()
    assert (report.rows_added, report.rows_quarantined) == (2, 1)
    assert shop.quarantine("line")[0] == (2,)
    assert reason in shop.quarantine("reason")[0][0]


def test_a_refused_file_is_tried_again_only_when_it_or_the_contract_changes(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2)).replace(",", ";"))
    reason = refused(shop)
    report = shop.load()
    assert report.faults == (f"a.csv: refused: {reason.replace('a.csv, ', '')}",)
    assert shop.lakehouse.version("bronze/quarantine") == 0
    shop.contract_with(delimiter=";")
    report = shop.load()
    assert (report.files_new, report.rows_added, report.faults) == (1, 2, ())
    assert shop.quarantine("line", "replayed_load_id") == [(None, report.load_id)]


def test_a_file_that_grows_while_it_is_read_is_loaded_by_the_next_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.ingest import source_load

    path = shop.land("a.csv", csv_of(sale(1)))
    original = source_load.prepare_all

    def growing(*arguments: object, **named: object) -> object:
        with path.open("a") as file:
            file.write(sale(2))
        return original(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(source_load, "prepare_all", growing)
    report = shop.load()
    assert report.faults == ("a.csv: not loaded, because it changed while it was read; run again",)
    assert shop.ids() == []
    monkeypatch.undo()
    assert shop.load().rows_added == 2


def test_a_row_that_breaks_a_warning_rule_is_loaded(shop: Shop) -> None:
    columns = {**COLUMNS}
    contract = shop.contract_with(columns)
    path = Path(contract.path)
    path.write_text(
        path.read_text().replace(
            "      - {property: simulated,",
            "      - {property: checkSeverity, value: {pieces: warning}, vendor: bojagi}\n"
            "      - {property: simulated,",
        )
    )
    from installation.contract.document import load_contracts

    shop.contract = load_contracts([path.parent]).source("sale")
    shop.land("a.csv", csv_of(GOOD.replace(",2,", ",100,")))
    assert shop.load().rows_quarantined == 0
    assert shop.rows(["pieces"]) == [(100,)]
