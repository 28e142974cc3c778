"""A profile shows no minimum, no maximum, and no value that few people hold."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from privacy.access import value_profile
from privacy.access.value_profile import HIDDEN_PEOPLE, ColumnProfile, profile_columns
from privacy.contract.column import Column


def profile(values: list[Any], people: list[Any] | None, kind: str = "double", name: str = "x") -> ColumnProfile:
    column = Column(name, name, "number", kind, "dpv:NonPersonalData")
    persons = None if people is None else pa.chunked_array([pa.array(people, pa.string())])
    return profile_columns(pa.table({name: values}), [column], persons)[0]


def test_quantiles_are_rounded_and_leave_out_the_extremes() -> None:
    people = [f"c{n}" for n in range(2001)]
    found = profile([float(1_000_000 + n) for n in range(2001)], people)
    assert found.quantiles["p50"] == 1_000_000
    assert set(found.quantiles) == {"p1", "p5", "p25", "p50", "p75", "p95", "p99"}
    assert found.distinct == 2001
    assert found.top == {}


@pytest.mark.parametrize(("people", "shown"), [(1100, 7), (300, 5), (50, 3), (21, 3), (20, 0), (1, 0)])
def test_a_quantile_has_more_than_ten_people_on_either_side(people: int, shown: int) -> None:
    found = profile([float(n) for n in range(people)], [f"c{n}" for n in range(people)])
    assert len(found.quantiles) == shown or (people == 21 and len(found.quantiles) == 1)


def test_the_rows_of_one_person_count_once() -> None:
    """Negative control: counted by rows, the 500 orders of one person would give quantiles and a frequent value."""
    values, people = [7.5] * 500 + [1.0, 2.0], ["heavy"] * 500 + ["a", "b"]
    assert profile(values, people).top == {}
    assert profile(values, people).quantiles == {}
    by_row = profile(values, [f"row{n}" for n in range(502)])
    assert by_row.top == {"7.5": 1.0}
    assert by_row.quantiles["p50"] == 7.5


def test_a_list_is_described_by_its_elements_and_one_person_holds_all_elements_of_a_row() -> None:
    values: list[Any] = [["common", "rare"]] * HIDDEN_PEOPLE + [["common"], None, [], ["own"] * 50]
    found = profile(values, [f"c{n}" for n in range(len(values))], "array<string>")
    assert (found.distinct, set(found.top)) == (3, {"common"})
    assert found.null_share == round(1 / len(values), 3)


def test_a_value_of_ten_people_is_hidden_and_one_of_eleven_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    values = ["rare"] * HIDDEN_PEOPLE + ["common"] * (HIDDEN_PEOPLE + 1)
    people = [f"c{n}" for n in range(len(values))]
    assert profile(values, people, "string").top == {"common": 0.52}
    monkeypatch.setattr(value_profile, "HIDDEN_PEOPLE", 0)
    assert set(profile(values, people, "string").top) == {"rare", "common"}, "negative control: without the threshold"


def test_what_few_people_hold_cannot_be_computed_from_the_rest() -> None:
    """Three of 2,000 customers moved: the share of the others is rounded to 1."""
    found = profile([True] * 3 + [False] * 1997, [f"c{n}" for n in range(2000)], "boolean")
    assert found.top == {"False": 1.0}


def test_a_table_without_persons_shows_its_frequent_values() -> None:
    found = profile(["a", "a", "b", None], None, "string")
    assert found.top == {"a": 0.67, "b": 0.33}
    assert found.null_share == 0.25


def test_dates_times_amounts_and_identifiers_are_described_by_their_kind() -> None:
    people = [f"c{n}" for n in range(100)]
    days = [date(2017, 1, 1) + timedelta(days=n % 50) for n in range(100)]
    assert profile(days, people, "date").quantiles["p50"] == "2017-01-25"
    moments = [datetime(2017, 1, 1, 9, 30) + timedelta(days=n) for n in range(100)]
    assert profile(moments, people, "timestamp_ntz").quantiles["p50"] == "2017-02-19", "without the time of day"
    amounts = [Decimal(n) / 100 for n in range(100_000, 100_100)]
    assert profile(amounts, people, "decimal(18,2)").quantiles["p50"] == 1000
    assert profile(list(range(100)), people, "bigint", "store_id").quantiles == {}, "the order of numbers means nothing"
    assert profile([b"secret"] * 100, people, "binary").top == {}, "ciphertext is not shown"


def test_a_table_without_rows_has_an_empty_profile() -> None:
    assert profile_columns(pa.table({"x": pa.array([], pa.float64())}),
                           [Column("x", "x", "number", "double", "dpv:NonPersonalData")], None)[0] == ColumnProfile(
        "x", "double", None, 0.0, 0
    )  # fmt: skip
