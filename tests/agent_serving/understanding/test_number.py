"""Numbers and prices, against independent ways to write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_serving.understanding.money import find_prices
from agent_serving.understanding.number import native_number, sino_number
from agent_serving.understanding.quantity import find_quantities

DIGITS = "영일이삼사오육칠팔구"


def in_sino(number: int) -> str:
    """Write a number in Sino-Korean words: the oracle of `sino_number`."""
    words = ""
    for size, name in ((100_000_000, "억"), (10_000, "만"), (1, "")):
        part, number = divmod(number, size)
        for unit, unit_name in ((1000, "천"), (100, "백"), (10, "십"), (1, "")):
            digit, part = divmod(part, unit)
            if digit:
                words += ("" if digit == 1 and unit > 1 else DIGITS[digit]) + unit_name
        words += name if words and words[-1] not in "억만" and name else ""
    return words


@given(st.integers(1, 999_999_999))
def test_sino_words_and_digits_mean_the_same_number(number: int) -> None:
    assert sino_number(in_sino(number)) == sino_number(f"{number:,}") == number


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("한두", 1),
        ("두어", 2),
        ("서너", 3),
        ("대여섯", 5),
        ("예닐곱", 6),
        ("여남은", 10),
        ("열댓", 15),
        ("스물두", 22),
        ("몇", None),
    ],
)
def test_native_words_mean_their_lower_end(word: str, number: int | None) -> None:
    assert native_number(word) == number


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("3만원 이하", None, 30_000),
        ("오만원 안 넘게", None, 50_000),
        ("5만원대 원피스", 50_000, 59_999),
        ("이십만 원대", 200_000, 299_999),
        ("만오천원대", 15_000, 15_999),
        ("3~5만원", 30_000, 50_000),
        ("5만원에서 8만원 사이", 50_000, 80_000),
        ("이만오천원 넘는 거", 25_000, None),
        ("삼사만원", 30_000, 40_000),
        ("10만원 안팎", None, 100_000),
        ("3만5천원짜리", None, 35_000),
        ("12,900원", None, 12_900),
        ("보조배터리 3만 컷", None, 30_000),
        ("5만원 쿠폰 있어요", None, None),
        ("이만 원피스 보러 갈게요", None, None),
        ("우유만 주세요", None, None),
        ("200호 남았어요", None, None),
    ],
)
def test_a_price_is_a_limit_a_range_or_a_bracket(text: str, least: int | None, most: int | None) -> None:
    found = {span.kind: span.value for span in find_prices(text)}
    assert (found.get("price_min"), found.get("price_max")) == (least, most)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("사과 세 개랑 우유 2팩", [3, 2]),
        ("라떼 하나 주세요", [1]),
        ("연필 한 다스", [12]),
        ("양말 열 켤레", [10]),
        ("둘 중에 뭐가 나아", []),
        ("20대 여자", []),
        ("애 둘 데리고 가요", []),
        ("10kg 쌀", []),
    ],
)
def test_quantities_are_numbers_of_products(text: str, numbers: list[int]) -> None:
    assert [span.value for span in find_quantities(text)] == numbers


def test_a_number_beyond_all_prices_is_none() -> None:
    assert sino_number("9" * 1900) is None
    assert sino_number("9" * 13 + "만") is None
