"""The form of numbers, times and nulls is guessed from the values; what they do not decide is a doubt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from pipelines.contracts.column_profile import ColumnHint, Profile, profile_column
from pipelines.contracts.file_sample import SampleColumn
from pipelines.contracts.null_guess import guess_nulls
from pipelines.contracts.number_guess import FileHint
from pipelines.contracts.reading import read_values
from pipelines.contracts.time_guess import TimeHint

TODAY = datetime(2026, 11, 1, tzinfo=UTC)


def profile(texts: Sequence[str | None], name: str = "c", **hints: Any) -> Profile:
    hint = ColumnHint(name, times=TimeHint(frozenset(name.split("_")), TODAY, hints.pop("day_first", None)), **hints)
    return profile_column(SampleColumn(name, pa.array(texts, pa.string())), hint)


def values_of(found: Profile) -> list[Any]:
    values: list[Any] = read_values(found.reading, pa.array(found.texts, pa.string()))[0].to_pylist()
    return values


@pytest.mark.parametrize(
    ("texts", "form", "first"),
    [
        (["1,50", "20,25", "0,99"], {"decimal": ","}, 1.5),
        (["1.234,50", "20,25", "7"], {"decimal": ",", "thousands": "."}, 1234.5),
        (["1,234.50", "20.25", "7"], {"thousands": ","}, 1234.5),
        (["1 234,50", "20,25", "7"], {"decimal": ",", "thousands": " "}, 1234.5),
        (["1'234.50", "20.25", "7"], {"thousands": "'"}, 1234.5),
        (["1\u00a0234,50", "20,25", "7"], {"decimal": ",", "thousands": " "}, 1234.5),
        (["1,234,567", "20"], {"thousands": ","}, 1234567),
        (["₩1,234,000", "₩12,000", "-₩900"], {"thousands": ",", "currency": ["₩"]}, 1234000),
        (["1.234,00 €", "5,50 €"], {"decimal": ",", "thousands": ".", "currency": ["€"]}, 1234),
        (["12,000원", "900원"], {"thousands": ",", "currency": ["원"]}, 12000),
        (["USD 4.50", "USD 10.25"], {"currency": ["USD"]}, 4.5),
        (["(3,500.00)", "1.25"], {"thousands": ",", "negative": ["parentheses"]}, -3500),
        (["3.50-", "1.25"], {"negative": ["trailing"]}, -3.5),
        (["12.5%", "3%"], {"percent": True}, 0.125),
        (["12,5 %", "3,0 %"], {"decimal": ",", "percent": True}, 0.125),
    ],
)
def test_the_form_of_numbers_is_guessed(texts: list[str], form: dict[str, Any], first: float) -> None:
    found = profile(texts)
    assert found.reading.custom == {"numberFormat": form}
    assert found.doubts == ()
    assert float(values_of(found)[0]) == first
    assert None not in values_of(found)


def test_a_separator_before_three_digits_is_a_doubt_unless_other_columns_decide() -> None:
    point = profile(["1.234", "20.500", "7.125"])
    assert float(values_of(point)[0]) == 1.234
    assert len(point.doubts) == 1
    comma = profile(["1,234", "20,500", "7,125"])
    assert values_of(comma)[0] == 1234
    assert len(comma.doubts) == 1
    german = profile(["1.234", "20.500", "7.125"], numbers=FileHint(frozenset({","})))
    assert values_of(german)[0] == 1234
    # Controls: other lengths, numbers without separator and whole currencies decide.
    assert profile(["1,234", "900"]).doubts == ()
    assert values_of(profile(["1.234 €", "20.500 €"])) == [1234, 20500]
    assert profile(["1,234원", "20,500원"], numbers=FileHint(frozenset({"."}))).doubts == ()
    assert profile(["1.234", "20.5"]).doubts == ()
    assert profile(["0.512", "20.500"]).doubts == ()


def test_amounts_in_two_currencies_are_a_doubt() -> None:
    assert "cannot be added up" in profile(["₩1,000", "$4.50"]).doubts[0]
    assert profile(["$4.50", "USD 3.00"]).doubts == ()


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["100"] * 2997 + ["0150", "0151", "0152"], "locker"),
        (["100", "101", "102"], "pickup_id"),
        (["9007199254740993", "9007199254740995"], "c"),
        (["12345678901234567890", "12"], "c"),
        (["8.80123E+12", "8801234567893"], "c"),
    ],
)
def test_identifiers_are_text(texts: list[str], name: str) -> None:
    found = profile(texts, name)
    assert found.spark_type == "string"
    assert found.notes


def test_identifiers_destroyed_by_a_spreadsheet_are_named() -> None:
    found = profile(["8.80123E+12", "8.80124E+12", "8801234567893"], "coupon_id")
    assert "2 of 3 values are identifiers in scientific notation, destroyed by a spreadsheet" in found.notes[0]
    # Control: small numbers with an exponent are numbers.
    assert profile(["1.5E-05", "2.25", "3E+02"], "ratio").spark_type == "double"


@pytest.mark.parametrize(
    ("texts", "form", "first"),
    [
        (["2017-06-03", "2017-06-14"], "yyyy-MM-dd", "2017-06-03"),
        (["20170603", "20170614"], "yyyyMMdd", "2017-06-03"),
        (["03.06.2017", "14.06.2017"], "dd.MM.yyyy", "2017-06-03"),
        (["06/03/2017", "06/14/2017"], "MM/dd/yyyy", "2017-06-03"),
        (["03/06/2017", "14/06/2017"], "dd/MM/yyyy", "2017-06-03"),
        (["3/6/2017", "14/6/2017"], "d/M/yyyy", "2017-06-03"),
        (["2017년 6월 3일", "2017년 12월 14일"], "yyyy년 M월 d일", "2017-06-03"),
        (["2017. 6. 3.", "2017. 12. 14."], "yyyy. M. d.", "2017-06-03"),
        (["03 Jun 2017", "14 Jun 2017"], "dd MMM yyyy", "2017-06-03"),
        (["3-Jun-2017", "14-Dec-2017"], "d-MMM-yyyy", "2017-06-03"),
        (["Jun 3, 2017", "December 14, 2017"], "MMM d, yyyy", "2017-06-03"),
        (["20170603233001", "20170614000000"], "yyyyMMddHHmmss", "2017-06-03 23:30:01"),
        (["2017.06.03 23:30", "2017.06.14 01:00"], "yyyy.MM.dd HH:mm", "2017-06-03 23:30:00"),
        (["06/03/2017 11:30 PM", "06/14/2017 01:00 AM"], "MM/dd/yyyy hh:mm a", "2017-06-03 23:30:00"),
        (["2017-06-03 오후 11:30:01", "2017-06-14 오전 1:00:00"], "yyyy-MM-dd a h:mm:ss", "2017-06-03 23:30:01"),
        (["2017-06-03T23:30:01", "2017-06-14T01:00:00"], "yyyy-MM-dd'T'HH:mm:ss", "2017-06-03 23:30:01"),
        (
            ["Sat Jun 3 23:30:01 KST 2017", "Wed Jun 14 01:00:00 KST 2017"],
            "EEE MMM d HH:mm:ss z yyyy",
            "2017-06-03 23:30:01",
        ),
        (
            ["03/Jun/2017:23:30:01 +0900", "14/Jun/2017:01:00:00 +0900"],
            "dd/MMM/yyyy:HH:mm:ss XXX",
            "2017-06-03 23:30:01",
        ),
        (
            ["Sat, 03 Jun 2017 14:30:01 GMT", "Wed, 14 Jun 2017 01:00:00 GMT"],
            "EEE, dd MMM yyyy HH:mm:ss z",
            "2017-06-03 23:30:01",
        ),
        (["2017-06-03T14:30:01Z", "2017-06-14T01:00:00+09:00"], None, "2017-06-03 23:30:01"),
        (["2017-06-03 14:30:01.5+00", "2017-06-14 01:00:00"], None, "2017-06-03 23:30:01.500000"),
        (["03/06/2017 14:30:01 +0000", "14/06/2017 01:00:00 +0900"], "dd/MM/yyyy HH:mm:ss XXX", "2017-06-03 23:30:01"),
    ],
)
def test_the_form_of_times_is_guessed(texts: list[str], form: str | None, first: str) -> None:
    found = profile(texts)
    assert found.reading.options.get("format") == form
    assert str(values_of(found)[0]) == first
    assert found.doubts == ()
    assert None not in values_of(found)


def test_a_zone_that_every_value_states_is_required() -> None:
    assert profile(["2017-06-03T14:30:01Z", "2017-06-04T14:30:01Z"]).reading.options == {"timezone": True}
    mixed = profile(["2017-06-03T14:30:01Z", "2017-06-04T14:30:01"])
    assert mixed.reading.options == {}
    assert mixed.has_zone_less


def test_the_order_of_day_and_month_is_a_doubt_when_no_day_is_above_12() -> None:
    found = profile(["03/06/2017", "04/07/2017"])
    assert "no value decides between dd/MM/yyyy and MM/dd/yyyy" in found.doubts[0]
    decided = profile(["03/06/2017", "04/07/2017"], day_first=False)
    assert decided.reading.options["format"] == "MM/dd/yyyy"
    assert decided.doubts == ()


def test_two_digit_years_get_a_pivot_after_which_no_birth_is_in_the_future() -> None:
    found = profile(["14.03.51", "28.02.99", "31.12.17"], "birth_date")
    assert found.reading.custom == {"yearPivot": 27}
    assert [str(value) for value in values_of(found)] == ["1951-03-14", "1999-02-28", "2017-12-31"]
    assert any("two-digit years" in doubt for doubt in found.doubts)


@pytest.mark.parametrize(
    ("unit", "factor"), [("seconds", 1), ("milliseconds", 10**3), ("microseconds", 10**6), ("nanoseconds", 10**9)]
)
def test_the_unit_of_numbers_since_1970_is_guessed_from_their_range(unit: str, factor: int) -> None:
    found = profile([str((1496532600 + n) * factor) for n in range(9)], "tapped_at")
    assert found.reading.custom == {"timeUnit": unit}
    assert str(values_of(found)[0]) == "2017-06-04 08:30:00"  # 2017-06-03 23:30 UTC in Seoul
    assert unit in found.notes[0]


def test_numbers_of_an_identifier_are_never_times() -> None:
    assert profile([str(1496532600 + n) for n in range(9)], "order_no").spark_type == "string"
    # Telephone numbers without their zero have ten digits, too.
    assert profile([str(1012345678 + n) for n in range(9)]).spark_type == "bigint"


def test_days_of_a_spreadsheet_are_guessed() -> None:
    found = profile(["42889", "42890", "42891"], "used_on")
    assert (found.spark_type, found.reading.custom) == ("date", {"timeUnit": "excel_days"})
    assert str(values_of(found)[0]) == "2017-06-03"
    assert profile(["42889", "42890.5"], "used_on").spark_type == "timestamp_ntz"
    # Control: without a header that names a time they are numbers.
    assert profile(["42889", "42890", "42891"], "amount").spark_type == "bigint"


def test_a_named_time_without_a_single_form_is_text_and_a_doubt() -> None:
    found = profile(["2017-06-03 10:00:00", "03.06.2017 10:00"] * 9, "created_at")
    assert found.spark_type == "string"
    assert "several forms" in found.doubts[0]


def test_mixed_forms_of_a_named_time_are_a_doubt() -> None:
    found = profile(["42889", "42890", "42890.5", "5.6.2017"], "used_on")
    assert found.reading.custom == {"timeUnit": "excel_days"}
    assert found.misfits == 1
    assert "the header names a time" in found.doubts[0]
    # Control: ISO 8601 is read in any case, so nothing is in doubt.
    assert profile(["42889", "42890", "42890.5", "2017-06-05"], "used_on").doubts == ()


@pytest.mark.parametrize("texts", [["Y", "N", "y"], ["true", "FALSE"], ["T", "F"], ["yes", "No"]])
def test_texts_for_true_and_false_are_booleans(texts: list[str]) -> None:
    assert profile(texts).spark_type == "boolean"


def test_0_and_1_stay_integers_with_a_note() -> None:
    found = profile(["0", "1", "1"], "visits")
    assert found.spark_type == "bigint"
    assert "only 0 and 1" in found.notes[0]


def test_na_is_null_only_where_no_column_of_texts_has_it() -> None:
    country = guess_nulls({"country": ["NA", "NULL"], "floor": ["NULL", "NA"]}, frozenset({"floor"}))
    assert country.values == ("NULL",)
    assert country.doubts == (("NA", ("country", "floor")),)
    assert guess_nulls({"floor": ["NA"]}, frozenset({"floor"})).values == ("NA",)


def test_a_dash_in_texts_only_is_null_and_a_doubt() -> None:
    found = guess_nulls({"note": ["-"]}, frozenset())
    assert (found.values, found.doubts) == (("-",), (("-", ("note",)),))


@pytest.mark.parametrize(
    ("texts", "doubt"),
    [
        ([str(104_233 + 37 * n) for n in range(30)], "may be identifiers"),
        ([str(1_496_275_200 + 86_400 * n) for n in range(30)], "are read as times (seconds)"),
        ([str(1_496_275_200 + 86_400 * n) for n in range(30)] + ["0"] * 5, "may be times (seconds)"),
        ([str(42_887 + n) for n in range(30)], "may be times (excel_days)"),
    ],
)
@pytest.mark.parametrize("header", ["c3", "column_12", "yeol_2"])
def test_numbers_under_a_header_that_says_nothing_are_a_doubt(texts: list[str], doubt: str, header: str) -> None:
    assert doubt in profile(texts, header).doubts[0]
    # Control: a header that names a measure settles it.
    assert profile(texts, "points").reading.custom or profile(texts, "points").doubts == ()


def test_measures_under_a_header_that_says_nothing_are_no_doubt() -> None:
    for texts in (["1", "3", "2"] * 9, ["-4021", "17", "12345"] * 9, ["0.5", "1.25", "7.75"] * 9):
        assert profile(texts, "c1").doubts == ()


def test_mostly_true_and_false_is_text_and_a_doubt() -> None:
    found = profile(["Y", "N", "Y", "N", "Y", "?"])
    assert found.logical_type == "string"
    assert "most values are forms of true and false" in found.doubts[0]


def test_full_names_and_old_dates_under_a_header_that_says_nothing_are_a_doubt() -> None:
    names = [
        f"{given} {family}" for given in ("Ada", "Tim", "Mia") for family in ("Noordhof", "Kuipers", "Lanting", "Bos")
    ]
    born = [f"{year}-03-{year % 28 + 1:02d}" for year in range(1945, 2005)]
    assert "names of persons" in profile(names, "c2").doubts[0]
    assert "dates of birth" in profile(born, "c3").doubts[0]
    # Controls: event dates, words, and headers that tell.
    assert profile([f"2017-03-{day:02d}" for day in range(1, 29)], "c3").doubts == ()
    assert profile(["green tea", "milk", "bread"] * 9, "c2").doubts == ()
    assert profile(names, "product_name").doubts == profile(born, "used_on").doubts == ()
