"""Errors of commerce. Messages name orders, amounts and limits, never a person or a secret."""

from agent_serving.errors import ServingError


class CommerceError(ServingError):
    """Base of every error that this package raises on purpose. `code` is a stable word for programs."""

    code = "commerce_error"


class MoneyError(CommerceError):
    """Base of the faults of an amount."""

    code = "invalid_amount"


class InvalidAmount(MoneyError):
    """An amount is negative, not a number, infinite, or finer than the currency's smallest unit."""


class UnknownCurrency(MoneyError):
    """The number of decimals of a currency is not known here."""

    code = "unknown_currency"


class CurrencyMismatch(MoneyError):
    """Amounts of two currencies were added or compared."""

    code = "currency_mismatch"

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second} cannot be added or compared. Convert one of the amounts before.")
