"""Amounts add up to the smallest unit, and what is no amount is refused."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_serving.commerce.errors import CurrencyMismatch, InvalidAmount, UnknownCurrency
from agent_serving.commerce.money import LARGEST, Money, total

AMOUNTS = st.integers(0, LARGEST)


@given(AMOUNTS, st.lists(st.integers(0, 10**9), min_size=1, max_size=30).filter(any))
@settings(deadline=None)
def test_shares_add_up_and_are_less_than_one_unit_from_the_exact_share(minor: int, weights: list[int]) -> None:
    shares = Money(minor, "KRW").split(weights)
    assert sum(share.minor for share in shares) == minor
    exact = [Fraction(minor * weight, sum(weights)) for weight in weights]
    assert all(abs(share.minor - one) < 1 for share, one in zip(shares, exact, strict=True))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, -0.01, "abc", "1.999", Decimal("NaN"), "sNaN"])
def test_what_is_no_amount_is_refused(value: float | str | Decimal) -> None:
    with pytest.raises(InvalidAmount):
        Money.of(value, "USD")


@pytest.mark.parametrize("minor", [-1, 1.0, True, LARGEST + 1, math.nan])
def test_the_smallest_units_are_whole_numbers(minor: int) -> None:
    with pytest.raises(InvalidAmount):
        Money(minor, "KRW")


def test_the_won_has_no_decimals() -> None:
    assert Money.of("12340", "KRW") == Money(12_340, "KRW")
    assert str(Money(12_340, "KRW")) == "12,340 KRW"
    assert str(Money(5, "USD")) == "0.05 USD"
    with pytest.raises(InvalidAmount):
        Money.of("0.5", "KRW")


def test_two_currencies_are_never_added_or_compared() -> None:
    won, dollar = Money(1, "KRW"), Money(1, "USD")
    for operation in (lambda: won + dollar, lambda: won - dollar, lambda: won < dollar, lambda: won >= dollar):
        with pytest.raises(CurrencyMismatch):
            operation()
    with pytest.raises(CurrencyMismatch):
        total([won, dollar], "KRW")
    assert won != dollar


def test_a_currency_without_known_decimals_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        Money.of(1, "XYZ")


@pytest.mark.parametrize("weights", [[], [0], [-1, 2]])
def test_an_amount_is_not_split_without_weights(weights: list[int]) -> None:
    with pytest.raises(InvalidAmount):
        Money(1, "KRW").split(weights)
