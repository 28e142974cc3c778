"""Errors of `privacy.dp`. A refused question costs no budget; a failed one (`QuestionFailed`) does."""

from __future__ import annotations

from privacy.errors import PrivacyError


class DpError(PrivacyError):
    """Base class of every error of `privacy.dp`."""


class BadQuestion(DpError):
    """A question is malformed, or one customer's contribution to its answer cannot be bounded. Nothing was spent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, public_details=message)


class BudgetRefused(DpError):
    """A debit would exceed a limit. Nothing was spent.

    Attributes:
        account: the budget account.
        period: the period whose limit would be exceeded, such as "month 2026-11".
        left_nano_rho: budget left in that period, in billionths of ρ.
        left_atto_delta: budget left in that period, in 10⁻¹⁸ of δ.
    """

    def __init__(self, account: str, period: str, asked: tuple[int, int], left: tuple[int, int], hint: str) -> None:
        self.account, self.period = account, period
        self.left_nano_rho, self.left_atto_delta = left
        message = (
            f"Budget of {account} refused: the question costs ρ={asked[0] / 1e9:g}, δ={asked[1] / 1e18:g}; "
            f"left in {period}: ρ={left[0] / 1e9:g}, δ={left[1] / 1e18:g}. {hint}"
        )
        super().__init__(message, public_details=message)


class QuestionFailed(DpError):
    """The engine failed on the rows of a question. The question was debited, because the failure depends on the rows.

    The message is the same for every cause, so it reveals nothing about a row.
    """

    def __init__(self) -> None:
        message = (
            "The question could not be answered, and its cost was debited: the engine failed on the rows. An operator "
            "finds the cause by the engine's own log; ask for another column or range"
        )
        super().__init__(message, public_details=message)


class LedgerDamaged(DpError):
    """The ledger does not agree with its chain, its anchor or the audit log: it was altered, or an older copy."""

    def __init__(self, message: str) -> None:
        super().__init__(message, public_details=message)
