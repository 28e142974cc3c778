"""Whose budget: an account per data set, purpose and privacy unit, with limits per period."""

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


@dataclass(frozen=True)
class Account:
    """One budget: `dataset` (a table's name), `purpose` (a purpose id), `unit` (a column)."""

    dataset: str
    purpose: str
    unit: str = "customer_id"

    def __post_init__(self) -> None:
        for name in (self.dataset, self.purpose, self.unit):
            if not name or "|" in name or not name.isprintable():
                raise BadQuestion(f"{name!r} cannot name an account: expected printable text without '|'")

    def __str__(self) -> str:
        return f"{self.dataset}|{self.purpose}|{self.unit}"


def period_keys(now: datetime) -> dict[Period, str]:
    """The key of every period that `now` falls in, in UTC whatever zone it came in.

    Raises:
        BadQuestion: `now` has no zone, so that the period would depend on who reads it.
    """
    if now.tzinfo is None:
        raise BadQuestion("The ledger's clock has no time zone; pass datetime.now(UTC)")
    at = now.astimezone(UTC)
    return {period: at.strftime(form) for period, form in _FORMATS.items()}
