"""Amounts of money: whole numbers of the currency's smallest unit, never negative, never of two currencies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from agent_serving.commerce.errors import CurrencyMismatch, InvalidAmount, UnknownCurrency

DECIMALS = {"KRW": 0, "JPY": 0, "VND": 0, "USD": 2, "EUR": 2, "GBP": 2, "CNY": 2, "SGD": 2, "KWD": 3}
"""Decimals of a currency's smallest unit (ISO 4217). A currency that is not listed is refused, not guessed."""
LARGEST = 10**15
"""Amounts above are refused: they fit the integers of both databases with room for sums."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the smallest unit of its currency: Money(12_340, "KRW") is ₩12,340, Money(199, "USD") is $1.99.

    Raises:
        InvalidAmount: it is negative, no whole number, or above `LARGEST`.
        UnknownCurrency: see `DECIMALS`.

    >>> Money(199, "USD") + Money(1, "USD")
    Money(minor=200, currency='USD')
    >>> Money(5, "KRW") - Money(6, "KRW")
    Traceback (most recent call last):
    agent_serving.commerce.errors.InvalidAmount: -1 KRW: an amount is a whole number from 0 to 1000000000000000.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in DECIMALS:
            raise UnknownCurrency(f"{self.currency!r}: expected one of {', '.join(DECIMALS)}.")
        if type(self.minor) is not int or not 0 <= self.minor <= LARGEST:
            raise InvalidAmount(f"{self.minor} {self.currency}: an amount is a whole number from 0 to {LARGEST}.")

    @classmethod
    def of(cls, value: Decimal | float | str, currency: str) -> Money:
        """Return an amount that is given in the currency's unit, such as 1.99 dollars; it is never rounded.

        A float counts as the shortest decimal that it is printed as: 1.99 is 199 cents.

        Raises:
            InvalidAmount: it is no number, not finite, negative, or finer than the smallest unit.

        >>> Money.of(1.99, "USD").minor
        199
        """
        if currency not in DECIMALS:
            return cls(0, currency)
        try:
            minor = Decimal(str(value)).scaleb(DECIMALS[currency])
        except InvalidOperation:
            raise InvalidAmount(f"{value!r} {currency}: this is no number.") from None
        if not minor.is_finite() or minor != minor.to_integral_value():
            raise InvalidAmount(f"{value} {currency}: expected at most {DECIMALS[currency]} decimals.")
        return cls(int(minor), currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.minor * count, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        decimals = DECIMALS[self.currency]
        return f"{Decimal(self.minor).scaleb(-decimals):,.{decimals}f} {self.currency}"

    def part(self, numerator: int, denominator: int) -> Money:
        """Return a fraction of the amount, rounded half up to the smallest unit.

        >>> Money(1_005, "KRW").part(10, 100)
        Money(minor=101, currency='KRW')
        """
        return Money((2 * self.minor * numerator + denominator) // (2 * denominator), self.currency)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Return shares in proportion to the weights that add up exactly, by the largest remainder.

        Equal remainders go to the earlier shares, so the same weights always give the same shares.

        Raises:
            InvalidAmount: a weight is negative, or none is above 0.

        >>> [share.minor for share in Money(100, "KRW").split([1, 1, 1])]
        [34, 33, 33]
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise InvalidAmount(f"{self} cannot be split: expected weights of 0 or more, and one above 0.")
        shares = [self.minor * weight // total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda one: -(self.minor * weights[one] % total))
        for one in by_remainder[: self.minor - sum(shares)]:
            shares[one] += 1
        return [Money(share, self.currency) for share in shares]

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.minor


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Return the sum; zero in this currency without amounts.

    Raises:
        CurrencyMismatch: an amount is of another currency.
    """
    return sum(amounts, start=Money(0, currency))
