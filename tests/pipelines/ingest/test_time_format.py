"""Compares compiled Java date formats with `strptime`, and states what each part reads."""

import datetime
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.time_format import TextTime, read_iso, time_format
from pipelines.ingest.value_fault import ValueFaultError

KOREA = datetime.timezone(datetime.timedelta(hours=9))


def is_read(read: Callable[[], TextTime]) -> bool:
    try:
        read()
    except ValueError:
        return False
    return True


def at(text: str, zone: datetime.tzinfo | None = None) -> TextTime:
    return TextTime(datetime.datetime.fromisoformat(text), zone)


@pytest.mark.parametrize(
    ("java", "text", "expected"),
    [
        ("yyyy.MM.dd", "2017.03.01", at("2017-03-01")),
        ("yyyyMMdd", "20170301", at("2017-03-01")),
        ("yyyy년 MM월 dd일", "2017년 03월 01일", at("2017-03-01")),
        ("M/d/yyyy h:mm a", "6/1/2017 12:05 AM", at("2017-06-01 00:05")),
        ("M/d/yyyy h:mm a", "6/1/2017 12:05 PM", at("2017-06-01 12:05")),
        ("yyyy. M. d. a h:mm", "2017. 6. 1. 오후 3:05", at("2017-06-01 15:05")),
        ("yyyy. M. d. a h:mm", "2017. 6. 1. 오전 12:05", at("2017-06-01 00:05")),
        ("yyyyMMddHHmmssSSS", "20170601233001123", at("2017-06-01 23:30:01.123")),
        ("dd-MMM-yyyy hh.mm.ss.SSSSSSSSS a", "01-JUN-2017 11.30.01.123456789 PM", at("2017-06-01 23:30:01.123456")),
        ("EEE, d MMM yyyy HH:mm:ss Z", "Thu, 1 Jun 2017 23:30:01 +0900", at("2017-06-01 23:30:01", KOREA)),
        ("EEE MMM dd HH:mm:ss z yyyy", "Thu Jun 01 23:30:01 KST 2017", at("2017-06-01 23:30:01", KOREA)),
        ("d MMMM yyyy", "1 September 2017", at("2017-09-01")),
        ("yyyy-MM-dd HH:mm[:ss]", "2017-06-01 10:00", at("2017-06-01 10:00")),
        ("yyyy-MM-dd HH:mm[:ss]", "2017-06-01 10:00:07", at("2017-06-01 10:00:07")),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2017-06-01T10:00:00Z", at("2017-06-01 10:00", datetime.UTC)),
        ("yyyy-MM-dd HH 'o''clock'", "2017-06-01 09 o'clock", at("2017-06-01 09:00")),
    ],
)
def test_a_text_is_read_in_the_format_of_the_contract(java: str, text: str, expected: TextTime) -> None:
    assert time_format(java).read(text, None) == expected


@pytest.mark.parametrize(
    ("java", "text"),
    [
        ("yyyy.MM.dd", "2017.3.1"),
        ("yyyy.MM.dd", "2017-03-01"),
        ("yyyy.MM.dd", "2017.02.30"),
        ("M/d/yyyy h:mm a", "6/1/2017 13:05 PM"),
        ("M/d/yyyy h:mm a", "6/1/2017 0:05 AM"),
        ("M/d/yyyy h:mm a", "6/1/2017 1:05"),
        ("EEE d MMM yyyy", "Fri 1 Jun 2017"),
        ("d MMM yyyy", "1 Juin 2017"),
        ("yyyy-MM-dd HH:mm:ss z", "2017-06-01 10:00:00 CST"),
        ("yyyy-MM-dd HH:mm:ssXXX", "2017-06-01 10:00:00+15:00"),
    ],
)
def test_a_text_of_another_form_is_refused(java: str, text: str) -> None:
    assert not is_read(lambda: time_format(java).read(text, None))


@pytest.mark.parametrize(
    ("java", "reason"),
    [
        ("EEE yyyy", "must state the month"),
        ("yyyy-mm-dd", "must state the month"),
        ("YYYY-MM-dd", "unknown part 'YYYY'; expected yyyy"),
        ("yyyy-MM-dd hh:mm", "half of the day"),
        ("yyyy-MM-dd HH:mm a", "half of the day"),
        ("yyyy-MM-dd yy", "year"),
        ("yyyy-MM-dd MM", "twice"),
        ("yyyy-MM-dd ss", "larger unit"),
        ("yyyy-MM-dd [HH:mm", "unclosed"),
        ("yyyy-MM-dd]", "unclosed"),
        ("yyyy-MM-dd 'T", "unknown part|unclosed"),
        ("%Y-%m-%d", "unknown part"),
        ("", "year"),
    ],
)
def test_a_format_that_names_no_day_or_time_is_refused(java: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        time_format(java)


@given(st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(9999, 12, 31)))
def test_formats_read_what_strftime_writes(moment: datetime.datetime) -> None:
    for java, python in (
        ("dd/MM/yyyy HH:mm:ss.SSSSSS", "%d/%m/%Y %H:%M:%S.%f"),
        ("MMM d, yyyy hh:mm:ss a", "%b %d, %Y %I:%M:%S %p"),
        ("EEEE, MMMM dd yyyy", "%A, %B %d %Y"),
    ):
        text = moment.strftime(python)
        assert time_format(java).read(text, None).wall == datetime.datetime.strptime(text, python)  # noqa: DTZ007 - wall time


def test_two_digit_years_follow_the_pivot() -> None:
    read = time_format("dd/MM/yy").read
    assert [read(f"01/03/{year}", 30).wall.year for year in ("00", "29", "30", "99")] == [2000, 2029, 1930, 1999]
    with pytest.raises(ValueFaultError, match="state yearPivot"):
        read("01/03/17", None)


def test_a_birth_date_with_two_digits_is_never_in_the_future() -> None:
    read = time_format("dd/MM/yy").read
    today = datetime.date(2018, 1, 1)
    assert read("01/01/18", 30, today).wall.year == 2018
    assert read("02/01/18", 30, today).wall.year == 1918
    with pytest.raises(ValueError, match="day is out of range"):
        read("29/02/00", 30, datetime.date(1999, 1, 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-06-01", at("2017-06-01")),
        ("2017-06-01 10:00", at("2017-06-01 10:00")),
        ("2017-06-01T10:00:00.1234567890", at("2017-06-01 10:00:00.123456")),
        ("2017-06-01T10:00:00,5", at("2017-06-01 10:00:00.5")),
        ("2017-06-01T10:00:00Z", at("2017-06-01 10:00", datetime.UTC)),
        ("2017-06-01 10:00:00 UTC", at("2017-06-01 10:00", datetime.UTC)),
        ("2017-06-01 10:00:00.5+09", at("2017-06-01 10:00:00.5", KOREA)),
        ("2017-06-01 10:00:00 +0900", at("2017-06-01 10:00", KOREA)),
    ],
)
def test_iso_texts_are_read_with_their_zone(text: str, expected: TextTime) -> None:
    assert read_iso(text) == expected


@pytest.mark.parametrize(
    "text",
    ["2017-6-1", "2017-06-01T24:00:00", "2017-06-01T10:00:60", "2017-02-30", "2017-06-01T10:00:00+19:00", "0000-01-01"],
)
def test_texts_that_are_no_time_are_refused(text: str) -> None:
    assert not is_read(lambda: read_iso(text))
