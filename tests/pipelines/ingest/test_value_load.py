"""Values get from a file into bronze as the contract says, or into quarantine with the reason."""

import datetime
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipelines.ingest.shop import Shop

KEY = {"physical": "string", "primaryKey": True, "required": True}
TIME = {"physical": "timestamp_ntz"}


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def loaded(shop: Shop, content: str, columns: dict[str, dict[str, Any]], **options: Any) -> list[tuple[Any, ...]]:
    """Load one file with the contract of these columns and return its rows."""
    form = options.get("format", "csv")
    shop.contract_with({"id": dict(KEY), **{name: dict(column) for name, column in columns.items()}}, **options)
    shop.land(f"a.{form}", content)
    shop.load()
    return [row[1:] for row in shop.rows(["id", *columns])]


def reasons(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.quarantine("line", "column", "reason")


@pytest.mark.parametrize(
    ("server", "column", "expected"),
    [
        ({}, {}, "2017-06-01 10:00:00"),
        ({"timeZone": "UTC"}, {}, "2017-06-01 19:00:00"),
        ({"timeZone": "UTC"}, {"defaultTimezone": "America/New_York"}, "2017-06-01 23:00:00"),
        ({"timeZone": "UTC", "shopTimeZone": "America/New_York"}, {}, "2017-06-01 06:00:00"),
        ({"timeZone": "+0900"}, {}, "2017-06-01 10:00:00"),
    ],
)
def test_a_time_without_zone_gets_that_of_its_column_or_source(
    shop: Shop, server: dict[str, str], column: dict[str, Any], expected: str
) -> None:
    text = "id,seen_at\n1,2017-06-01 10:00:00\n"
    assert loaded(shop, text, {"seen_at": {**TIME, **column}}, **server) == [(at(expected),)]


def test_the_setting_is_the_zone_of_a_contract_without_one(shop: Shop) -> None:
    shop.contract_with({"id": dict(KEY), "seen_at": dict(TIME)})
    shop.land("a.csv", "id,seen_at\n1,2017-06-01 10:00:00\n2,2017-06-01T10:00:00Z\n")
    shop.load(time_zone="Europe/Berlin")
    assert shop.rows(["seen_at"]) == [(at("2017-06-01 10:00:00"),), (at("2017-06-01 12:00:00"),)]


def test_nested_json_keeps_the_types_of_its_values(shop: Shop) -> None:
    nested = '{"sku": "0177", "qty": 2, "price": 10.10, "big": 12345678901234567890, "tags": ["a", null, true, 1]}'
    assert loaded(shop, f'{{"id": "1", "body": {nested}}}\n', {"body": {"physical": "string"}}, format="jsonl") == [
        (nested,)
    ]


def test_nested_json_keeps_its_types_through_quarantine_and_replay(shop: Shop) -> None:
    columns = {"body": {"physical": "string"}, "amount": {"physical": "decimal(8,2)", "maximum": 5}}
    assert loaded(shop, '{"id": "1", "body": {"qty": 2.50}, "amount": 7.10}\n', columns, format="jsonl") == []
    assert shop.records() == [{"id": "1", "body": {"qty": 2.5}, "amount": 7.1}]
    shop.contract_with(
        {"id": dict(KEY), "body": {"physical": "string"}, "amount": {"physical": "decimal(8,2)"}}, format="jsonl"
    )
    assert shop.replay().rows_added == 1
    assert shop.rows(["body", "amount"]) == [('{"qty": 2.50}', Decimal("7.10"))]


def test_json_nested_too_deeply_is_quarantined_alone(shop: Shop) -> None:
    deep = "[" * 600 + "]" * 600
    rows = loaded(
        shop,
        f'{{"id": "1", "body": {deep}}}\n{{"id": "2", "body": 3}}\n',
        {"body": {"physical": "string"}},
        format="jsonl",
    )
    assert rows == [("3",)]
    assert shop.replay().rows_quarantined == 1


def test_ids_beyond_2_to_the_53_stay_exact_from_json_and_parquet(shop: Shop) -> None:
    big = 9007199254740993
    assert loaded(
        shop, f'{{"id": {big}, "order_no": "1"}}\n', {"order_no": {"physical": "string"}}, format="jsonl"
    ) == [("1",)]
    assert shop.rows(["id"]) == [(str(big),)]
    shop.contract_with(
        {"id": dict(KEY), "order_no": {"physical": "string", "unique": True}}, format="parquet", path="sale/*.parquet"
    )
    table = pa.table({"id": [big + 2, big + 4], "order_no": [2.0**53, 12.0]})
    pq.write_table(table, shop.landing / "sale" / "b.parquet")
    shop.load()
    assert shop.rows(["id", "order_no"]) == [(str(big), "1"), (str(big + 4), "12")]
    assert reasons(shop)[0][2].startswith("a floating-point number of 2^53 or more")


def test_a_file_of_epoch_numbers_is_refused_and_the_others_load(shop: Shop) -> None:
    shop.contract_with({"id": dict(KEY), "seen_at": dict(TIME)}, format="parquet")
    folder = shop.landing / "sale"
    pq.write_table(pa.table({"id": ["1"], "seen_at": [1496532600000]}), folder / "a.parquet")
    pq.write_table(pa.table({"id": ["2"], "seen_at": pa.array([at("2017-06-01 10:00:00")])}), folder / "b.parquet")
    report = shop.load()
    assert report.faults == (
        "a.parquet: row group 1, column seen_at: int64 is no time; state timeUnit in the contract",
    )
    assert shop.rows(["id", "seen_at"]) == [("2", at("2017-06-01 10:00:00"))]
    shop.contract_with({"id": dict(KEY), "seen_at": {**TIME, "timeUnit": "milliseconds"}}, format="parquet")
    shop.load()
    assert shop.rows(["id", "seen_at"])[0] == ("1", at("2017-06-04 08:30:00"))


def test_rows_with_times_outside_the_calendar_are_quarantined_alone(shop: Shop) -> None:
    shop.contract_with({"id": dict(KEY), "seen_at": dict(TIME)}, format="parquet")
    times = pa.array([1496532600, 1496532600000, 2**62 // 1000], pa.int64()).cast(pa.timestamp("s"))
    pq.write_table(pa.table({"id": ["1", "2", "3"], "seen_at": times}), shop.landing / "sale" / "a.parquet")
    shop.load()
    assert shop.rows(["id", "seen_at"]) == [("1", at("2017-06-03 23:30:00"))]
    assert reasons(shop) == [(row, "seen_at", "implausible date: outside the calendar") for row in (2, 3)]
    # The record shows the number, and a replay does not take it for a time.
    assert "1496532600000" in shop.records()[0]["seen_at"]
    assert shop.replay().rows_quarantined == 2


def test_times_of_int96_keep_their_year(shop: Shop) -> None:
    shop.contract_with({"id": dict(KEY), "seen_at": {**TIME, "maximum": "9999-01-01"}}, format="parquet")
    times = pa.array([at("2017-06-03 23:30:00.123456"), at("3000-01-01 00:00:00")], pa.timestamp("us"))
    table = pa.table({"id": ["1", "2"], "seen_at": times})
    pq.write_table(table, shop.landing / "sale" / "a.parquet", use_deprecated_int96_timestamps=True)
    shop.load()
    assert shop.rows(["seen_at"]) == [(at("2017-06-03 23:30:00.123456"),), (at("3000-01-01 00:00:00"),)]


def test_birth_dates_are_never_in_the_future(shop: Shop) -> None:
    born = {"physical": "date", "category": "pd:BirthDate", "format": "dd/MM/yy", "yearPivot": 30}
    text = "id,born_on\n1,31/12/17\n2,02/01/18\n3,2018-01-01T20:00:00Z\n"
    assert loaded(shop, text, {"born_on": born}) == [(datetime.date(2017, 12, 31),), (datetime.date(1918, 1, 2),)]
    four = {"physical": "date", "category": "pd:BirthDate"}
    assert loaded(shop, "id,born_on\n4,2018-01-02\n", {"born_on": four})[-1] == (datetime.date(1918, 1, 2),)
    assert (2, "born_on", "implausible date: a birth date in the future") in reasons(shop)


def test_a_leading_zero_is_never_lost(shop: Shop) -> None:
    text = "id,pickup_id,pieces\n1,0150,007\n2,150,7\n"
    pieces = {"physical": "int", "touchpointRole": "quantity"}
    assert loaded(shop, text, {"pickup_id": {"physical": "int"}, "pieces": pieces}) == [(150, 7)]
    assert reasons(shop)[0][1] == "pickup_id"
    assert reasons(shop)[0][2].startswith("a whole number with a leading zero may be a code")


def test_a_replay_reads_a_floating_point_id_as_the_file_did(shop: Shop) -> None:
    columns = {"member_no": {"physical": "string", "token": "member_no"}, "pieces": {"physical": "int", "maximum": 1}}
    shop.contract_with({"id": dict(KEY), **columns}, format="parquet")
    table = pa.table({"id": ["1", "2"], "member_no": [100000001.0, None], "pieces": [5, 5]})
    pq.write_table(table, shop.landing / "sale" / "a.parquet")
    shop.load()
    shop.contract_with({"id": dict(KEY), **columns, "pieces": {"physical": "int"}}, format="parquet")
    assert shop.replay().rows_added == 2
    token = shop.protection.tokens.token("member_no", "100000001")
    assert shop.rows(["member_no_token"]) == [(token,), (None,)]


def test_a_replay_uses_the_zone_of_the_contract_as_it_is_now(shop: Shop) -> None:
    assert loaded(shop, "id,seen_at\n1,1496532600000\n", {"seen_at": dict(TIME)}) == []
    assert reasons(shop) == [
        (2, "seen_at", "a number is no time: state timeUnit, or a format such as yyyyMMdd, in the contract")
    ]
    shop.contract_with({"id": dict(KEY), "seen_at": {**TIME, "timeUnit": "milliseconds"}})
    shop.replay(time_zone="UTC")
    assert shop.rows(["seen_at"]) == [(at("2017-06-03 23:30:00"),)]


def test_sentinels_are_null_only_where_the_contract_lists_them(shop: Shop) -> None:
    text = "id,country,floor,moved_on\n1,NA,3,2017-06-01\n2,\\N,\\N,NULL\n3,,,\n"
    columns = {"country": {"physical": "string"}, "floor": {"physical": "int"}, "moved_on": {"physical": "date"}}
    assert loaded(shop, text, columns, nullValues=["", "\\N", "NULL"]) == [
        ("NA", 3, datetime.date(2017, 6, 1)),
        (None, None, None),
        (None, None, None),
    ]


def test_no_reason_holds_the_value(shop: Shop) -> None:
    values = {
        "a": ("₩1,234", {"physical": "decimal(8,2)"}), "b": ("0150", {"physical": "int"}),
        "c": ("1.5E+15", {"physical": "string"}), "d": ("1496532600", dict(TIME)), "e": ("예", {"physical": "boolean"}),
        "f": ("2017-13-01", dict(TIME)), "g": ("1,50", {"physical": "double"}),
        "h": ("99999999999", {"physical": "int"}),
    }  # fmt: skip
    for name, (value, column) in values.items():
        content = f'id,{name}\n{name},"{value}"\n'
        assert loaded(shop, content, {name: column}) == [], name
    for name, (value, _) in values.items():
        found = [reason for _, column, reason in reasons(shop) if column == name]
        assert found, name
        assert value not in json.dumps(found, ensure_ascii=False)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_typed_numbers_are_never_read_by_the_number_format(shop: Shop, form: str) -> None:
    price = {"physical": "double", "numberFormat": {"decimal": ",", "thousands": "."}}
    columns = {"id": dict(KEY), "price": price, "pieces": {"physical": "int", "maximum": 1}}
    shop.contract_with(columns, format=form)
    if form == "jsonl":
        text = '{"id": "1", "price": 1.234, "pieces": 5}\n{"id": "2", "price": "1.234", "pieces": 1}\n'
        shop.land("a.jsonl", text)
    else:
        table = pa.table({"id": ["1", "2"], "price": [1.234, 1234.0], "pieces": [5, 1]})
        pq.write_table(table, shop.landing / "sale" / "a.parquet")
    shop.load()
    assert shop.rows(["id", "price"]) == [("2", 1234.0)]
    shop.contract_with({**columns, "pieces": {"physical": "int"}}, format=form)
    assert shop.replay().rows_added == 1
    assert shop.rows(["id", "price"]) == [("1", 1.234), ("2", 1234.0)]


def test_lines_that_are_no_object_never_stop_a_column_with_a_number_format(shop: Shop) -> None:
    price = {"physical": "double", "numberFormat": {"decimal": ","}}
    text = '{"id": "1", "price": "1,5"}\n[1]\nno JSON\n{"id": "2"}\n'
    assert loaded(shop, text, {"price": price}, format="jsonl") == [(1.5,), (None,)]
    assert shop.quarantine("line") == [(2,), (3,)]
