"""Values as many systems write them, invented beyond the collected cases: each is read as meant or quarantined."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest

from bench.generated_file.file_form import FileForm
from bench.generated_file.time_form import Zones
from tests.pipelines.ingest.hand_written import STAMP, Load, column

QUARANTINED = object()


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


GERMAN = {"numberFormat": {"decimal": ",", "thousands": ".", "currency": ["€", "EUR"], "negative": ["trailing"]}}
ENGLISH = {"numberFormat": {"thousands": ",", "currency": ["$", "US$", "USD"], "negative": ["parentheses"]}}
KOREAN = {"numberFormat": {"thousands": ",", "currency": ["₩", "원", "KRW"]}}
SWISS = {"numberFormat": {"thousands": "'", "currency": ["CHF"]}}
FRENCH = {"numberFormat": {"decimal": ",", "thousands": " ", "currency": ["€"]}}
PERCENT = {"numberFormat": {"percent": True}}
MONEY = "decimal(12,2)"

NUMBERS: list[tuple[str, dict[str, Any], str, Any]] = [
    (MONEY, GERMAN, "1.234,56 €", Decimal("1234.56")),
    (MONEY, GERMAN, "€ 1.234,56", Decimal("1234.56")),
    (MONEY, GERMAN, "-1.234,56", Decimal("-1234.56")),
    (MONEY, GERMAN, "1.234,56-", Decimal("-1234.56")),
    (MONEY, GERMAN, "1.234", Decimal("1234.00")),
    (MONEY, GERMAN, "1,234.56", QUARANTINED),
    (MONEY, GERMAN, "12,5", Decimal("12.50")),
    (MONEY, GERMAN, "1.23", QUARANTINED),
    (MONEY, ENGLISH, "$1,234.56", Decimal("1234.56")),
    (MONEY, ENGLISH, "US$ 1,234.56", Decimal("1234.56")),
    (MONEY, ENGLISH, "(1,234.56)", Decimal("-1234.56")),
    (MONEY, ENGLISH, "($4.50)", Decimal("-4.50")),
    (MONEY, ENGLISH, "-$4.50", Decimal("-4.50")),
    (MONEY, ENGLISH, "$-4.50", Decimal("-4.50")),
    (MONEY, ENGLISH, "1,23", QUARANTINED),
    (MONEY, ENGLISH, "12,34,567.00", QUARANTINED),
    (MONEY, ENGLISH, "1.234,56", QUARANTINED),
    (MONEY, ENGLISH, "€4.50", QUARANTINED),
    (MONEY, ENGLISH, "(-4.50)", QUARANTINED),
    (MONEY, KOREAN, "₩1,234,000", Decimal("1234000.00")),
    (MONEY, KOREAN, "12,000원", Decimal("12000.00")),
    (MONEY, KOREAN, "KRW 12,000", Decimal("12000.00")),
    (MONEY, KOREAN, "１２，０００", Decimal("12000.00")),
    (MONEY, KOREAN, "-₩900", Decimal("-900.00")),
    (MONEY, SWISS, "CHF 1'234.50", Decimal("1234.50")),
    (MONEY, FRENCH, "1 234,56 €", Decimal("1234.56")),
    (MONEY, FRENCH, "1\u00a0234,56", Decimal("1234.56")),
    (MONEY, FRENCH, "1\u202f234,56", Decimal("1234.56")),
    ("double", PERCENT, "12.5%", 0.125),
    ("double", PERCENT, "12.5 %", 0.125),
    (MONEY, {}, "1,50", QUARANTINED),
    (MONEY, {}, "1,234", QUARANTINED),
    (MONEY, {}, "$5", QUARANTINED),
    (MONEY, {}, "5 USD", QUARANTINED),
    (MONEY, {}, "(5)", QUARANTINED),
    (MONEY, {}, "5-", QUARANTINED),
    (MONEY, {}, "5%", QUARANTINED),
    (MONEY, {}, "\u22125.00", Decimal("-5.00")),
    (MONEY, {}, " 5.00 ", Decimal("5.00")),
    (MONEY, {}, "5..0", QUARANTINED),
    (MONEY, {}, "--5", QUARANTINED),
    (MONEY, {}, "5 6", QUARANTINED),
    (MONEY, {}, "0x1F", QUARANTINED),
    (MONEY, {}, "1_000", QUARANTINED),
    (MONEY, {}, "inf", QUARANTINED),
    (MONEY, {}, "#REF!", QUARANTINED),
    (MONEY, {}, "10-20", QUARANTINED),
    (MONEY, {}, "~5", QUARANTINED),
    (MONEY, {}, "1e3", Decimal("1000.00")),
    (MONEY, {}, "1.005", QUARANTINED),
    ("bigint", {}, "1,234", QUARANTINED),
    ("bigint", {}, "1.0", 1),
    ("bigint", {}, "1.5", QUARANTINED),
    ("bigint", {}, "1.000", QUARANTINED),
    ("bigint", {}, "12.00", 12),
    ("bigint", {}, "1000.000", 1000),
    (MONEY, {}, "12.500", QUARANTINED),
    ("decimal(14,3)", {}, "12.500", Decimal("12.500")),
    ("double", {}, "12.500", 12.5),
    ("bigint", {}, "9223372036854775808", QUARANTINED),
    ("bigint", {}, "9223372036854775807", 9223372036854775807),
    ("bigint", {}, "0150", QUARANTINED),
    ("bigint", {}, "0", 0),
    ("bigint", {}, "-0", 0),
    ("bigint", {}, "+5", 5),
    ("bigint", {}, "２５", 25),
    ("bigint", {}, "9.41E+15", QUARANTINED),
    ("double", {}, "1,5", QUARANTINED),
    ("double", {}, "1e400", QUARANTINED),
    ("double", {}, "NaN", QUARANTINED),
    ("double", {}, "-0.1", -0.1),
]

NEW_YORK = {"defaultTimezone": "America/New_York"}
TIMES: list[tuple[str, dict[str, Any], str, Any]] = [
    (STAMP, {}, "2017-06-01T08:00:00+0900", at("2017-06-01 08:00")),
    (STAMP, {}, "2017-06-01T08:00:00Z", at("2017-06-01 17:00")),
    (STAMP, {}, "2017-06-01 08:00:00 UTC", at("2017-06-01 17:00")),
    (STAMP, {}, "2017-06-01 08:00:00.5-05:00", at("2017-06-01 22:00:00.5")),
    (STAMP, {}, "2017-06-01T08:00:00.123456789Z", at("2017-06-01 17:00:00.123456")),
    (STAMP, {}, "2017-06-01T08:00:00,123Z", at("2017-06-01 17:00:00.123")),
    (STAMP, {}, "2017-06-01T08:00+09", at("2017-06-01 08:00")),
    (STAMP, {}, "2017-06-01T08:00:00", at("2017-06-01 08:00")),
    (STAMP, {}, "2017-06-01T08:00:00+25:00", QUARANTINED),
    (STAMP, {}, "2017-06-01T25:00:00", QUARANTINED),
    (STAMP, {}, "2017-02-29T08:00:00", QUARANTINED),
    (STAMP, {}, "2017-06-01T23:59:60Z", QUARANTINED),
    (STAMP, {}, "1496532600000", QUARANTINED),
    (STAMP, {}, "42889", QUARANTINED),
    (STAMP, {}, "20170601", QUARANTINED),
    (STAMP, {}, "01/06/2017 08:00", QUARANTINED),
    (STAMP, {}, "0000-00-00 00:00:00", QUARANTINED),
    (STAMP, {}, "9999-12-31 23:59:59", QUARANTINED),
    (STAMP, {}, "1970-01-01 00:00:00", at("1970-01-01 00:00")),
    (STAMP, NEW_YORK, "2017-03-12 02:30:00", QUARANTINED),
    (STAMP, NEW_YORK, "2017-11-05 01:30:00", QUARANTINED),
    (STAMP, NEW_YORK, "2017-11-05 01:30:00-04:00", at("2017-11-05 14:30")),
    (STAMP, NEW_YORK, "2017-11-05 01:30:00-05:00", at("2017-11-05 15:30")),
    (STAMP, NEW_YORK, "2017-07-01 20:00:00", at("2017-07-02 09:00")),
    (STAMP, NEW_YORK, "2017-01-01 20:00:00", at("2017-01-02 10:00")),
    (STAMP, {"timezone": True}, "2017-06-01T08:00:00", QUARANTINED),
    (STAMP, {"timezone": True}, "2017-06-01T08:00:00Z", at("2017-06-01 17:00")),
    (STAMP, {"format": "MM/dd/yyyy hh:mm a"}, "06/01/2017 12:15 AM", at("2017-06-01 00:15")),
    (STAMP, {"format": "MM/dd/yyyy hh:mm a"}, "06/01/2017 12:15 PM", at("2017-06-01 12:15")),
    (STAMP, {"format": "MM/dd/yyyy hh:mm a"}, "06/01/2017 01:15 pm", at("2017-06-01 13:15")),
    (STAMP, {"format": "MM/dd/yyyy hh:mm a"}, "06/01/2017 13:15 PM", QUARANTINED),
    (STAMP, {"format": "MM/dd/yyyy hh:mm a"}, "13/01/2017 01:15 PM", QUARANTINED),
    (STAMP, {"format": "M/d/yyyy h:mm a"}, "6/1/2017 8:05 AM", at("2017-06-01 08:05")),
    (STAMP, {"format": "yyyy년 M월 d일 a h시 m분"}, "2017년 6월 1일 오후 3시 5분", at("2017-06-01 15:05")),
    (STAMP, {"format": "dd.MM.yyyy HH:mm:ss"}, "01.06.2017 08:00:00", at("2017-06-01 08:00")),
    (STAMP, {"format": "dd.MM.yyyy HH:mm:ss"}, "2017-06-01 08:00:00", QUARANTINED),
    (STAMP, {"format": "dd-MMM-yyyy HH:mm"}, "01-Jun-2017 08:00", at("2017-06-01 08:00")),
    (STAMP, {"format": "yyyy-MM-dd HH:mm:ss XXX"}, "2017-06-01 08:00:00 +02:00", at("2017-06-01 15:00")),
    (STAMP, {"format": "yyyyMMddHHmmss"}, "20170601080000", at("2017-06-01 08:00")),
    (STAMP, {"format": "yyyy-MM-dd HH:mm:ss"}, "2017-06-01 08:00:00", at("2017-06-01 08:00")),
    (STAMP, {"format": "dd.MM.yy HH:mm", "yearPivot": 50}, "01.06.17 08:00", at("2017-06-01 08:00")),
    (STAMP, {"format": "dd.MM.yy HH:mm", "yearPivot": 50}, "01.06.70 08:00", at("1970-06-01 08:00")),
    (STAMP, {"timeUnit": "seconds"}, "1496532600", at("2017-06-04 08:30")),
    (STAMP, {"timeUnit": "seconds"}, "1496532600.5", at("2017-06-04 08:30:00.5")),
    (STAMP, {"timeUnit": "seconds"}, "1496532600000", QUARANTINED),
    (STAMP, {"timeUnit": "milliseconds"}, "1496532600123", at("2017-06-04 08:30:00.123")),
    (STAMP, {"timeUnit": "milliseconds"}, "1.4965326E+12", QUARANTINED),
    (STAMP, {"timeUnit": "microseconds"}, "1496532600123456", at("2017-06-04 08:30:00.123456")),
    (STAMP, {"timeUnit": "nanoseconds"}, "1496532600123456789", at("2017-06-04 08:30:00.123456")),
    (STAMP, {"timeUnit": "excel_days"}, "42889.5", at("2017-06-03 12:00")),
    (STAMP, {"timeUnit": "excel_days"}, "42889.354166666664", at("2017-06-03 08:30")),
    ("date", {"timeUnit": "excel_days"}, "42889", datetime.date(2017, 6, 3)),
    ("date", {"timeUnit": "excel_days"}, "42889.5", QUARANTINED),
    ("date", {}, "2017-06-01", datetime.date(2017, 6, 1)),
    ("date", {}, "2017-06-01T00:00:00", datetime.date(2017, 6, 1)),
    ("date", {}, "2017-06-01T10:00:00", QUARANTINED),
    ("date", {}, "2017-6-1", QUARANTINED),
    ("date", {}, "06/01/2017", QUARANTINED),
    ("date", {}, "42889", QUARANTINED),
    ("date", {"format": "dd/MM/yy", "yearPivot": 30}, "01/06/29", datetime.date(2029, 6, 1)),
    ("date", {"format": "dd/MM/yy", "yearPivot": 30}, "01/06/31", datetime.date(1931, 6, 1)),
    ("date", {"format": "MMM d, yyyy"}, "Jun 1, 2017", datetime.date(2017, 6, 1)),
]

MEMBER = {"token": "member_no"}
CODES: list[tuple[str, dict[str, Any], str, Any]] = [
    ("string", MEMBER, "0012", "0012"),
    ("string", MEMBER, "1.23457E+12", QUARANTINED),
    ("string", MEMBER, "9,41E+15", QUARANTINED),
    ("string", MEMBER, "100000001.0", "100000001"),
    ("string", MEMBER, "12345678901234567890", "12345678901234567890"),
    ("string", MEMBER, " 0012 ", "0012"),
    ("string", MEMBER, "\ufeff0012", "0012"),
    ("string", MEMBER, "００１２", "0012"),
    ("string", MEMBER, "00\u200b12", "0012"),
    ("string", MEMBER, "\u00a00012", "0012"),
    ("string", MEMBER, "#N/A", QUARANTINED),
    ("string", MEMBER, "#REF!", QUARANTINED),
    ("string", MEMBER, "########", QUARANTINED),
    ("string", MEMBER, "#12", "#12"),
    ("string", MEMBER, '="0012"', "0012"),
    ("string", MEMBER, "'0012", "0012"),
    ("string", {}, "#N/A", "#N/A"),
    ("string", {}, "'0012", "'0012"),
    ("string", {}, "1.23457E+12", QUARANTINED),
    ("string", {}, "12E5", "12E5"),
    ("string", {}, "00\u200b12", "00\u200b12"),
    ("boolean", {}, "Y", True),
    ("boolean", {}, "n", False),
    ("boolean", {}, "TRUE", True),
    ("boolean", {}, "0", False),
    ("boolean", {}, "2", QUARANTINED),
    ("boolean", {}, "예", QUARANTINED),
    ("boolean", {}, "on", QUARANTINED),
]


@pytest.mark.parametrize(("spark_type", "facts", "text", "expected"), [*NUMBERS, *TIMES, *CODES])
def test_a_value_is_read_as_meant_or_quarantined_with_a_reason_without_it(
    load: Load, spark_type: str, facts: dict[str, Any], text: str, expected: Any
) -> None:
    columns = [column("row_key", is_required=True), column("value", spark_type, **facts)]
    quoted = text.replace('"', '""')
    csv_outcome = load(f'row_key,value\nK1,"{quoted}"\n'.encode(), columns, FileForm("csv"))
    line = json.dumps({"row_key": "K1", "value": text}, ensure_ascii=False)
    json_outcome = load(f"{line}\n".encode(), columns, FileForm("jsonl"))
    for outcome in (csv_outcome, json_outcome):
        assert not outcome.refusals
        if expected is QUARANTINED:
            assert [row["value"] for row in outcome.rows] == []
            assert len(outcome.reasons) == 1
            assert len(text) < 4 or text not in outcome.reasons[0]
        else:
            assert outcome.reasons == []
            assert [(type(row["value"]), row["value"]) for row in outcome.rows] == [(type(expected), expected)]


JSON_NUMBERS: list[tuple[str, dict[str, Any], str, Any]] = [
    ("string", MEMBER, "9007199254740993", "9007199254740993"),
    ("string", MEMBER, "12345678901234567890", "12345678901234567890"),
    ("string", MEMBER, "1.0", "1"),
    ("string", MEMBER, "100000001.0", "100000001"),
    ("string", MEMBER, "1e15", "1000000000000000"),
    ("string", MEMBER, "1e16", QUARANTINED),
    ("bigint", {}, "9007199254740993", 9007199254740993),
    ("bigint", {}, "1e3", 1000),
    ("bigint", {}, "true", QUARANTINED),
    (MONEY, {}, "10.10", Decimal("10.10")),
    (MONEY, {}, "0.1", Decimal("0.10")),
    ("boolean", {}, "true", True),
    ("boolean", {}, "1", True),
    (STAMP, {}, "1496619000000", QUARANTINED),
    (STAMP, {"timeUnit": "milliseconds"}, "1496619000000", at("2017-06-05 08:30")),
    (STAMP, {"timeUnit": "seconds"}, "1496619000.25", at("2017-06-05 08:30:00.25")),
    ("string", {}, '{"a": [1, "1", true, null, 1.0]}', '{"a": [1, "1", true, null, 1.0]}'),
    ("string", {}, "[1, 2.50]", "[1, 2.50]"),
    ("string", {}, '"\\ud83d\\ude42"', "🙂"),
    ("string", {}, '"\\ud83d"', QUARANTINED),
    ("string", {}, '"a\\u0000b"', "a\0b"),
    ("string", {}, '"line\\u2028separator"', "line\u2028separator"),
]


@pytest.mark.parametrize(("spark_type", "facts", "written", "expected"), JSON_NUMBERS)
@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_a_json_value_keeps_its_digits_and_types(
    load: Load, spark_type: str, facts: dict[str, Any], written: str, expected: Any, form: str
) -> None:
    columns = [column("row_key", is_required=True), column("value", spark_type, **facts)]
    text = f'{{"row_key": "K1", "value": {written}}}'
    content = f"[{text}]\n" if form == "json" else f"{text}\n"
    outcome = load(content.encode(), columns, FileForm(form))
    assert not outcome.refusals
    if expected is QUARANTINED:
        assert outcome.rows == []
        assert len(outcome.reasons) == 1
        return
    (value,) = [row["value"] for row in outcome.rows]
    if written[0] in "{[":
        assert json.dumps(json.loads(value)) == json.dumps(json.loads(expected))
    else:
        assert (type(value), value) == (type(expected), expected)


def test_the_zone_of_the_shop_may_differ_from_the_setting(load: Load) -> None:
    columns = [column("row_key"), column("value", STAMP)]
    form = FileForm("csv", zones=Zones("UTC", "America/New_York"))
    content = b"row_key,value\nK1,2017-01-01 11:53:26\nK2,2017-07-01 11:53:26\nK3,2017-07-01 11:53:26+09:00\n"
    outcome = load(content, columns, form)
    assert [row["value"] for row in outcome.rows] == [
        at("2017-01-01 06:53:26"),
        at("2017-07-01 07:53:26"),
        at("2017-06-30 22:53:26"),
    ]
