"""Differences between a file's fields and its contract are refused, reported or noted, as the contract says."""

import io
from typing import Any

import openpyxl
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.drift import suggest_renames
from tests.pipelines.ingest.shop import COLUMNS, Shop, csv_of, sale

FORMATS = ("csv", "parquet", "xlsx")


def content(form: str, text: str) -> bytes:
    """Return a CSV text as a file of another format."""
    if form == "csv":
        return text.encode()
    table = pacsv.read_csv(io.BytesIO(text.encode()))
    target = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, target)
        return target.getvalue()
    book = openpyxl.Workbook()
    book.active.append(table.column_names)
    for row in table.to_pylist():
        book.active.append(list(row.values()))
    book.save(target)
    return target.getvalue()


def land(shop: Shop, form: str, text: str, **options: Any) -> None:
    shop.contract_with(format=form, **options)
    shop.land(f"a.{form}", content(form, text))


NEW = csv_of(sale(1)).replace("sold_at", "sold_at,weather").replace("10:00:00", "10:00:00,rain")
MISSING = csv_of(sale(1)).replace("pieces,", "").replace(",2,2017", ",2017")
RENAMED = csv_of(sale(1)).replace("pieces", "Piece-Count")


@pytest.mark.parametrize("form", FORMATS)
def test_a_new_field_is_an_event_and_a_note(shop: Shop, form: str) -> None:
    land(shop, form, NEW)
    report = shop.load()
    assert report.rows_added == 1
    (event,) = report.drift
    assert (event.kind, event.file, event.field, event.suggestion) == ("new_field", f"a.{form}", "weather", None)
    assert report.faults == (f"a.{form}: {event.message}",)


@pytest.mark.parametrize("form", FORMATS)
def test_a_missing_optional_field_is_an_event(shop: Shop, form: str) -> None:
    land(shop, form, MISSING)
    report = shop.load()
    assert report.rows_added == 1
    assert [(event.kind, event.field) for event in report.drift] == [("missing_field", "pieces")]


@pytest.mark.parametrize("form", FORMATS)
def test_a_renamed_field_refuses_the_file_with_its_likely_new_name(shop: Shop, form: str) -> None:
    land(shop, form, RENAMED)
    report = shop.load()
    assert (report.rows_added, report.drift) == (0, ())
    assert "if Piece-Count is its new name" in report.faults[0]


def test_no_new_name_is_suggested_when_several_columns_are_missing(shop: Shop) -> None:
    land(shop, "csv", "store,pieces,when\nA,1,x\n")
    (fault,) = shop.load().faults
    assert "if a column unknown to the contract (when) is its new name, add that to its synonyms" in fault


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", [NEW, MISSING, RENAMED])
def test_refuse_refuses_each_difference(shop: Shop, form: str, text: str) -> None:
    land(shop, form, text, schemaDrift="refuse")
    report = shop.load()
    assert report.rows_added == 0
    assert "state schemaDrift: warn in it" in report.faults[0]
    shop.land(f"b.{form}", content(form, csv_of(sale(2))))
    assert shop.load().rows_added == 1


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", [NEW, MISSING, RENAMED])
def test_accept_loads_with_a_note_only(shop: Shop, form: str, text: str) -> None:
    land(shop, form, text, schemaDrift="accept")
    report = shop.load()
    assert (report.rows_added, report.drift, bool(report.faults)) == (1, (), True)


@pytest.mark.parametrize("rule", ["refuse", "warn", "accept"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_missing_required_field_always_refuses_the_file(shop: Shop, form: str, rule: str) -> None:
    land(shop, form, csv_of(sale(1)).replace("store,", "").replace("서울,", ""), schemaDrift=rule)
    report = shop.load()
    assert report.rows_added == 0
    assert "column store is missing" in report.faults[0]


@pytest.mark.parametrize("rule", ["refuse", "warn", "accept"])
def test_a_file_as_the_contract_says_has_no_event(shop: Shop, rule: str) -> None:
    land(shop, "csv", csv_of(sale(1)), schemaDrift=rule)
    assert (shop.load().drift, shop.load().faults) == ((), ())


@pytest.mark.parametrize(
    ("old", "new", "is_suggested"),
    [
        ("member_no", "memberNo", True),
        ("member_no", "MEMBER-NO", True),
        ("sku", "productSku", True),
        ("zip_code", "zipcode", True),
        ("quantity", "quantiy", True),
        ("store", "weather", False),
        ("amount", "pieces", False),
        ("이름", "고객이름", False),
    ],
)
def test_similar_names_are_suggested_and_others_are_not(shop: Shop, old: str, new: str, is_suggested: bool) -> None:
    contract = shop.contract_with({**COLUMNS, "old": {"physical": "string", "physicalName": old}})
    assert suggest_renames([contract.column("old")], [new, "unrelated"]) == ({"old": new} if is_suggested else {})


def test_each_new_name_is_suggested_once(shop: Shop) -> None:
    contract = shop.contract_with({**COLUMNS, "store_a": {"physical": "string"}, "store_b": {"physical": "string"}})
    missing = [contract.column("store_a"), contract.column("store_b")]
    assert suggest_renames(missing, ["store_A1", "storeB"]) == {"store_a": "store_A1", "store_b": "storeB"}
