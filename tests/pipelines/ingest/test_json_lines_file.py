"""JSON Lines and JSON arrays give the same rows; what is not JSON is refused or quarantined with its place."""

import gzip
import json
import random
from decimal import Decimal
from typing import Any

import pytest

from pipelines.ingest import json_document
from pipelines.ingest.exact_json import decode, decode_flat
from tests.pipelines.ingest.shop import COLUMNS, Shop
from tests.pipelines.ingest.test_bad_input import refused


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "sale_id": f"s{number}",
        "전화번호": None,
        "store": "서울",
        "amount": 1.5,
        "pieces": 2,
        "sold_at": "2017-03-01 10:00:00",
        **fields,
    }


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.contract_with(format="json")
    return shop


def array(*records: dict[str, Any], **options: Any) -> str:
    return json.dumps(list(records), ensure_ascii=False, **options)


LAYOUTS = {
    "array": lambda records: array(*records),
    "indented array": lambda records: array(*records, indent=2),
    "array with a line for each record": lambda records: "[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n",
    "lines": lambda records: "".join(json.dumps(item) + "\n" for item in records),
    "indented objects": lambda records: "\n".join(json.dumps(item, indent=1) for item in records),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_each_layout_of_json_gives_the_same_rows(shop: Shop, layout: str, form: str) -> None:
    shop.contract_with(format=form)
    shop.land("a.json", LAYOUTS[layout]([record(1), record(2, amount=12345678.9), record(3, pieces=None)]))
    report = shop.load()
    assert (report.rows_added, report.rows_quarantined) == (3, 0)
    assert shop.rows(["sale_id", "amount", "pieces"]) == [
        ("s1", Decimal("1.50"), 2),
        ("s2", Decimal("12345678.90"), 2),
        ("s3", Decimal("1.50"), None),
    ]


def test_the_line_of_a_row_of_an_array_is_the_number_of_its_record(shop: Shop) -> None:
    shop.land("a.json", array(record(1), record(2, store="대구"), record(3)))
    shop.load()
    assert shop.rows(["sale_id", "_line"]) == [("s1", 1), ("s3", 3)]
    assert shop.quarantine() == [(2, "store", "enum")]


def test_a_quarantined_record_of_an_array_is_replayed(shop: Shop) -> None:
    shop.land("a.json", array(record(1), record(2, store="대구", 전화번호="010-1234-5678")))
    shop.load()
    store = {"physical": "string", "enum": ["서울", "부산", "대구"], "required": True}
    shop.contract_with({**COLUMNS, "store": store}, format="json")
    assert shop.replay().rows_added == 1
    assert shop.rows(["phone", "amount", "_line"])[0] == ("010-1234-5678", Decimal("1.50"), 2)


def test_an_element_that_is_no_object_is_quarantined_alone(shop: Shop) -> None:
    shop.land("a.json", '[{}, 12, "x", [1], null, ' + array(record(1))[1:])
    report = shop.load()
    assert (report.rows_added, report.rows_quarantined) == (1, 5)


@pytest.mark.parametrize("broken", ["[1]", '{"sale_id": "s2", ', "7"])
def test_a_broken_line_beside_a_column_with_a_number_format_is_quarantined_alone(shop: Shop, broken: str) -> None:
    amount = {**COLUMNS["amount"], "numberFormat": {"decimal": ","}}
    shop.contract_with({**COLUMNS, "amount": amount}, format="jsonl")
    shop.land("a.jsonl", "\n".join([json.dumps(record(1, amount="1,50")), broken, json.dumps(record(3))]) + "\n")
    assert shop.load().faults == ()
    assert shop.ids() == ["s1", "s3"]
    assert [line for line, *_ in shop.quarantine()] == [2]


def test_an_empty_array_is_loaded_once(shop: Shop) -> None:
    shop.land("a.json", "[ ]\n")
    assert (shop.load().files_new, shop.load().files_new) == (1, 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (array(record(1), record(2))[:-1], "the array is not closed, so the file is cut off"),
        (array(record(1), record(2))[:-9] + "\n", "record 2 is not JSON"),
        (array(record(1)) + "[]", "text follows the end of the array"),
        ("[" + json.dumps(record(1)) + ", {oops}]", "record 2 is not JSON"),
        ('[{"sale_id": NaN}]', "record 1 is not JSON"),
        ("[" * 100_000 + "]" * 100_000, "record 1 is not JSON (depth or number without bounds)"),
        ('{"data": ' + array(record(1)) + "}", "whose field data holds the records"),
        ('{"meta": 1,\n "data": ' + array(record(1)) + "}", "whose field data holds the records"),
        ("\ufeff", "the file holds no record"),
    ],
)
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_document_that_cannot_be_read_is_refused_with_its_place(
    shop: Shop, form: str, content: str, reason: str
) -> None:
    shop.contract_with(format=form)
    shop.land("a.json", content)
    shop.load()  # A file that is cut off waits for a second look.
    assert reason in shop.load().faults[0] or reason in shop.quarantine("reason")[0][0]
    assert shop.ids() == []
    assert shop.quarantine("line") == [(None,)]


def test_the_fault_of_an_array_names_its_line(shop: Shop) -> None:
    shop.land("a.json", "[\n" + json.dumps(record(1)) + ",\n{oops}\n]")
    assert refused(shop).startswith("a.json, line 3: record 2 is not JSON")


def test_a_long_wrapper_object_is_refused_with_its_field(shop: Shop) -> None:
    shop.contract_with(format="jsonl")
    shop.land("a.json", '{"data": [\n' + ",\n".join(json.dumps(record(number)) for number in range(100)) + "]}")
    assert "whose field data holds the records" in shop.load(max_line=1000).faults[0]


def test_a_record_over_the_limit_is_refused_with_its_number(shop: Shop) -> None:
    shop.land("a.json", array(record(1), record(2, store="x" * 3000)))
    assert "record 2 is longer than 1000 characters" in shop.load(max_line=1000).faults[0]


def test_records_are_told_apart_wherever_a_chunk_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(5)
    texts = ['\\"', "a, b", "]}", "\u3042\U0001f600", "x" * 40, "\n", "12"]
    records = [record(number, store="".join(draw.choices(texts, k=3)), amount=number) for number in range(40)]
    content = array(*records, indent=draw.choice([None, 1]))
    columns = {**COLUMNS, "store": {"physical": "string"}}
    for size in (1, 2, 7, 64, 1000):
        monkeypatch.setattr(json_document, "CHUNK_CHARACTERS", size)
        shop.contract_with(columns, format="json", path=f"sale/{size}.json")
        shop.land(f"{size}.json", content + " " * size)
        report = shop.load()
        assert (report.rows_read, report.rows_quarantined) == (40, 0)
    assert [row[0] for row in shop.rows(["store"])] == sorted(
        (item["store"] for item in records), key=lambda t: repr((t,))
    )


def test_bytes_that_are_not_in_the_encoding_are_quarantined_with_their_record(shop: Shop) -> None:
    content = array(record(1), record(2, store="부산"), record(3)).encode()
    shop.land("a.json", content.replace("부산".encode(), "부산".encode("cp949")))
    report = shop.load()
    assert (report.rows_added, report.rows_quarantined) == (2, 1)
    assert shop.quarantine() == [(2, None, "encoding")]


def test_a_compressed_array_is_loaded(shop: Shop) -> None:
    shop.contract_with(format="json", path="sale/*.json")
    shop.land("a.json.gz", gzip.compress(array(record(1)).encode()))
    assert shop.load().rows_added == 1


# Fields


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in records)


def without(item: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in names}


@pytest.mark.parametrize("layout", ["array", "lines"])
def test_a_required_field_that_no_record_has_refuses_the_file(shop: Shop, layout: str) -> None:
    shop.land("a.json", LAYOUTS[layout]([without(record(number), "store") for number in range(3)]))
    message = refused(shop)
    assert "field store is missing; the file has amount, pieces, sale_id, sold_at, 전화번호" in message
    assert shop.quarantine("column", "rule") == [("store", "missing_column")]


def test_a_required_field_that_some_records_lack_quarantines_them(shop: Shop) -> None:
    shop.land("a.json", lines(record(1), without(record(2), "store"), record(3)))
    assert shop.load().rows_added == 2
    assert shop.quarantine() == [(2, "store", "required")]


def test_a_renamed_optional_field_refuses_the_file_with_a_suggestion(shop: Shop) -> None:
    renamed = [{**without(record(number), "pieces"), "pieceCount": 2} for number in range(3)]
    shop.land("a.json", lines(*renamed))
    assert "field pieces is missing" in (message := refused(shop))
    assert "if pieceCount is its new name, add pieceCount to the column's synonyms" in message


def test_a_rename_that_only_the_last_record_shows_is_seen(shop: Shop) -> None:
    shop.land(
        "a.json", lines(*[without(record(number), "pieces") for number in range(5)], {"sale_id": "s9", "Piece": 1})
    )
    assert "if Piece is its new name" in refused(shop)


def test_an_unknown_field_beside_a_sparse_one_is_drift_and_loads(shop: Shop) -> None:
    shop.land("a.json", lines({**without(record(1), "pieces"), "weather": "rain"}))
    report = shop.load()
    assert report.rows_added == 1
    assert [(event.kind, event.file, event.field) for event in report.drift] == [("new_field", "a.json", "weather")]


def test_optional_fields_that_all_vanish_at_once_are_drift(shop: Shop) -> None:
    shop.land("a.json", lines(without(record(1), "전화번호", "amount", "pieces")))
    report = shop.load()
    assert report.rows_added == 1
    assert [(event.kind, event.field) for event in report.drift] == [
        ("missing_field", "전화번호"),
        ("missing_field", "amount"),
        ("missing_field", "pieces"),
    ]


def test_optional_fields_that_all_vanish_beside_new_ones_refuse_the_file(shop: Shop) -> None:
    shop.land("a.json", lines({**without(record(1), "전화번호", "amount", "pieces"), "x": 1, "y": 2, "z": 3}))
    assert "field 전화번호 is missing" in refused(shop)


def test_a_field_that_many_records_lack_is_drift_and_in_a_few_it_is_not(shop: Shop) -> None:
    shop.land("few.json", lines(*[without(record(number), "pieces") for number in range(99)]))
    assert shop.load().drift == ()
    shop.land("many.json", lines(*[without(record(number), "pieces") for number in range(100, 200)]))
    assert [(event.kind, event.field) for event in shop.load().drift] == [("missing_field", "pieces")]


def test_a_field_in_another_spelling_is_read_as_the_column_it_must_mean(shop: Shop) -> None:
    shop.land("a.json", lines({"SALE_ID": "s1", "Store": "서울", "sold_at": "2017-03-01 10:00:00", "pieces": 1}))
    report = shop.load()
    assert shop.rows(["sale_id", "store"]) == [("s1", "서울")]
    assert "a.json: field SALE_ID was read as sale_id" in report.faults


def test_a_record_with_two_fields_for_one_column_is_quarantined(shop: Shop) -> None:
    shop.land("a.json", lines(record(1), record(2, STORE="부산")))
    assert shop.load().rows_added == 1
    assert "has several fields for the column" in shop.quarantine("reason")[0][0]


def test_a_quarantined_record_in_another_spelling_is_replayed(shop: Shop) -> None:
    item = {"SALE_ID": "s1", "STORE": "대구", "sold_at": "2017-03-01 10:00:00", "pieces": 1}
    shop.land("a.json", lines(item))
    shop.load()
    store = {"physical": "string", "enum": ["대구"], "required": True}
    shop.contract_with({**COLUMNS, "store": store}, format="json")
    assert shop.replay().rows_added == 1


def test_a_file_without_any_field_of_the_contract_is_refused(shop: Shop) -> None:
    shop.land("a.json", lines({"a": 1}, {"b": 2}))
    assert "none of the file's fields is in the contract" in refused(shop)


def test_a_line_that_is_no_object_beside_a_formatted_number_is_quarantined(shop: Shop) -> None:
    amount = {**COLUMNS["amount"], "numberFormat": {"decimal": ","}}
    shop.contract_with({**COLUMNS, "amount": amount}, format="json")
    shop.land("a.json", lines(record(1, amount="2,50")) + "[1]\n{oops}\n")
    report = shop.load()
    assert (report.rows_added, report.rows_quarantined) == (1, 2)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": "x"}\n',
        '{"a": 1, "b": 2.50, "c": null, "d": true}',
        '{"a" : 1, "a": 2}',
        '{"a": 1, "a": 2}',
        '{"a"\t: 1, "a": "b"}',
        '{"a": "x\\":", "a": 2}',
        '{"a": ":\\":", "b": 2}',
        '{"a": {"b": 1}}',
        '{"a": {"b": 1, "b": 2}, "c": 1}',
        '{"a": 1} {"b": 2}',
        '{"a": NaN}',
        "[1]",
        "{}",
        " {}",
        "{",
    ],
)
def test_a_flat_object_is_read_at_once_only_as_it_is_read_carefully(text: str) -> None:
    flat = decode_flat(text)
    if flat is not None:
        assert flat == decode(text)
    assert (flat is None) == (text not in ('{"a": 1, "b": "x"}\n', '{"a": 1, "b": 2.50, "c": null, "d": true}', "{}"))
