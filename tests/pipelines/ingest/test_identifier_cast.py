"""Identifiers keep every digit, and damaged ones are found."""

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest import identifier_cast
from pipelines.ingest.cast_result import UncastableError
from pipelines.ingest.type_cast import cast_column
from pipelines.ingest.value_rule import PLAIN, ValueRule
from privacy.protection.token import Tokenizer

CODE = ValueRule(is_identifier=True, is_code=True)
WORD = ValueRule(is_identifier=True)
TEXT = pa.string()
NOT_EXACT = identifier_cast.NOT_EXACT[1]
TOKENS = Tokenizer(bytes(32))


def cast(values: list[Any], kind: pa.DataType, rule: ValueRule) -> list[Any]:
    """Return each value as text, or the reason why it is marked."""
    found = cast_column(pa.array(values, kind), TEXT, rule)
    reasons = [
        (found.fault(row) or ("", ""))[1].partition(":")[0] if bad else None for row, bad in enumerate(found.wrong)
    ]
    return [reason or value for value, reason in zip(found.values.to_pylist(), reasons, strict=True)]


def test_whole_floating_point_numbers_lose_their_fraction_and_no_digit() -> None:
    numbers = [100000001.0, 20170601000123.0, None, 0.0, 2.0**53 - 1]
    assert cast(numbers, pa.float64(), CODE) == ["100000001", "20170601000123", None, "0", "9007199254740991"]
    assert cast(numbers, pa.float64(), PLAIN) == cast(numbers, pa.float64(), CODE)


def test_floating_point_numbers_that_name_no_identifier_are_marked() -> None:
    numbers = [2.0**53, 1.5, math.nan, -math.inf]
    assert cast(numbers, pa.float64(), CODE) == [
        NOT_EXACT,
        "a number with a fraction is no identifier; export the column as text",
        "not a number (NaN or infinite); export missing values as null",
        "not a number (NaN or infinite); export missing values as null",
    ]
    assert cast([1.5, 1e-7], pa.float64(), PLAIN) == ["1.5", "0.0000001"]
    assert cast([2.0**24 - 1, 2.0**24], pa.float32(), CODE) == ["16777215", identifier_cast.EXACT[32][1][1]]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=5))
def test_integers_of_any_size_become_their_digits(numbers: list[int | None]) -> None:
    assert cast(numbers, pa.int64(), CODE) == [None if number is None else str(number) for number in numbers]


@given(st.lists(st.none() | st.integers(-(2**53) + 1, 2**53 - 1), max_size=5))
def test_floating_point_columns_give_the_texts_of_their_integers(numbers: list[int | None]) -> None:
    floats = [None if number is None else float(number) for number in numbers]
    assert cast(floats, pa.float64(), CODE) == [None if number is None else str(number) for number in numbers]


@pytest.mark.parametrize("text", ["1.23457E+11", "8,80123E+12", "9E+15", "1e+23", "1.0E11", "-1.5E+10"])
def test_scientific_notation_is_marked_as_destroyed_in_every_text_column(text: str) -> None:
    for rule in (CODE, WORD, PLAIN):
        assert cast(["M1", text], TEXT, rule) == ["M1", "scientific notation"]


@pytest.mark.parametrize("text", ["12E34", "E+", "A1E+5", "1.2.3", "v1.0", "1E5", "e-mail", "3.E.1", "1.5"])
def test_codes_that_only_look_like_numbers_are_kept(text: str) -> None:
    assert cast([text], TEXT, CODE) == [text]


def test_text_with_an_empty_fraction_is_the_whole_number_in_identifiers_only() -> None:
    texts = ["100000001.0", "0150.00", "9007199254740992.0", "1.50"]
    assert cast(texts, TEXT, CODE) == [
        "100000001",
        "0150",
        NOT_EXACT,
        "1.50",
    ]
    assert cast(texts, TEXT, PLAIN) == texts


def test_a_text_that_the_pattern_allows_is_never_taken_for_a_damaged_number() -> None:
    rule = ValueRule(is_identifier=True, is_code=True, pattern=r"^\d\.\d$|E\+")
    assert cast(["1.0", "1.5E+3"], TEXT, rule) == ["1.0", "1.5E+3"]


@pytest.mark.parametrize(
    "text", ["M001\u200b", "\ufeffM001", "\u00a0M001\u00a0", "Ｍ００１", " M001\t", "M\u2060001", "M001\x00"]
)
def test_codes_are_stored_without_characters_that_nobody_sees(text: str) -> None:
    assert cast([text, "M001"], TEXT, CODE) == ["M001", "M001"]
    assert TOKENS.token("member_no", text) == TOKENS.token("member_no", "M001")
    # Names and free text stay as they arrived.
    assert cast([text], TEXT, WORD) == [text]


@given(st.text(max_size=12))
def test_the_token_of_a_stored_code_is_the_token_of_the_code_that_arrived(text: str) -> None:
    stored = cast([text], TEXT, CODE)[0]
    if stored != "scientific notation" and not text.strip().endswith("0"):
        assert TOKENS.token("member_no", stored or "") == TOKENS.token("member_no", text)


def test_a_code_without_visible_characters_is_null() -> None:
    assert cast([" \u200b ", ""], TEXT, CODE) == [None, ""]


def test_bytes_that_are_not_utf8_are_marked_alone() -> None:
    found = cast_column(pa.array([b"M001", b"\xff"]), TEXT, CODE)
    assert (found.values.to_pylist(), found.wrong.tolist()) == (["M001", None], [False, True])


def test_nested_values_are_no_identifiers() -> None:
    with pytest.raises(UncastableError):
        cast_column(pa.array([{"a": 1}]), TEXT, CODE)
