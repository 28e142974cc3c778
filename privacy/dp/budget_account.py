"""Budget accounts: one for each data set, purpose and privacy unit, with limits per period, and one over them all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from privacy.dp.errors import BadQuestion

Period = Literal["day", "month", "year", "ever"]
PERIODS: tuple[Period, ...] = get_args(Period)
_FORMATS: dict[Period, str] = {
    "day": "day %Y-%m-%d",
    "month": "month %Y-%m",
    "year": "year %Y",
    "ever": "ever",
}


EVERYTHING = "*"
"""Stands for every data set, and for every purpose, in the name of the account over all of them."""


@dataclass(frozen=True)
class BudgetAccount:
    """One budget: `dataset` (a table's name), `purpose` (a purpose id), `unit` (the column of the privacy unit)."""

    dataset: str
    purpose: str
    unit: str = "customer_id"

    def __post_init__(self) -> None:
        for name in (self.dataset, self.purpose, self.unit):
            if not name or "|" in name or not name.isprintable():
                raise BadQuestion(f"{name!r} cannot be part of an account's name; expected printable text without '|'")

    @property
    def over_all(self) -> BudgetAccount:
        """The account of the same privacy unit over all data sets and purposes: `*|*|<unit>`.

        Every debit is added to it as well. Its limits are optional, and bound what one person loses in total.
        """
        return BudgetAccount(EVERYTHING, EVERYTHING, self.unit)

    def __str__(self) -> str:
        return f"{self.dataset}|{self.purpose}|{self.unit}"


def period_keys(now: datetime) -> dict[Period, str]:
    """Return the key of each period that contains `now`, such as "month 2026-11"; periods begin at midnight UTC.

    Keys of one kind of period sort in the order of time.

    Raises:
        BadQuestion: `now` has no time zone, so the period would depend on the machine.
    """
    if now.tzinfo is None:
        raise BadQuestion("The ledger got a time without a time zone; pass a time with one, such as datetime.now(UTC)")
    at = now.astimezone(UTC)
    return {period: at.strftime(form) for period, form in _FORMATS.items()}
