"""Errors of the differential-privacy engine. A refusal never costs budget."""

from __future__ import annotations

from privacy.errors import PrivacyError


class DpError(PrivacyError):
    """The base of every error of `privacy.dp`."""


class BadQuestion(DpError):
    """A question that is malformed or cannot be bounded; nothing was spent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, public_details=message)


class BudgetRefused(DpError):
    """A spend that would pass a limit; nothing was spent.

    Attributes:
        account: whose budget.
        period: the period whose limit would be passed, such as "month 2026-11".
        left_nano_rho: what is left of it, in billionths of ρ.
        left_atto_delta: what is left of it, in 10⁻¹⁸ of δ.
    """

    def __init__(self, account: str, period: str, asked: tuple[int, int], left: tuple[int, int], hint: str) -> None:
        self.account, self.period = account, period
        self.left_nano_rho, self.left_atto_delta = left
        message = (
            f"Budget of {account} refused: the question costs ρ={asked[0] / 1e9:g}, δ={asked[1] / 1e18:g}; "
            f"left in {period}: ρ={left[0] / 1e9:g}, δ={left[1] / 1e18:g}. {hint}"
        )
        super().__init__(message, public_details=message)


class LedgerDamaged(DpError):
    """The ledger contradicts itself or its anchor: it was altered, or restored from an older copy."""
