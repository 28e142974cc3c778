"""Answers questions about tables of the lakehouse with differential privacy.

Each question is checked against the contract, its rows are filtered by consent, its budget is charged, and it is
logged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from installation.installation import Installation
from pipelines.consent.current_permission import keep_permitted_now
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.access.plan import require_role
from privacy.clock import utc_now
from privacy.consent.view import ConsentView
from privacy.dp.answer import Answer
from privacy.dp.errors import BadQuestion
from privacy.dp.ledger import Ledger
from privacy.dp.permission import require_permitted
from privacy.dp.question import Question
from privacy.dp.release import DataSet, release
from privacy.dp.suggest import BoundsQuestion, Suggestion, suggest
from privacy.dp.trail import Trail
from privacy.errors import PrivacyError

Given = TypeVar("Given")


@dataclass(frozen=True)
class StatisticsService:
    """Answers the questions of analysts, without showing rows.

    `who` is the user name in the audit log, and `role` the role in which this user asks; both are as declared by the
    caller. `consent` returns the current consent view.
    """

    installation: Installation
    lakehouse: SparkLakehouse
    consent: Callable[[], ConsentView]
    who: str
    role: str

    def answer(self, question: Question) -> Answer:
        """Answer a question from the rows of customers who permit its purpose.

        The same question costs no budget again within its period (`Question.repeat`).

        Raises:
            PrivacyError: the question is refused. No budget was spent, unless the log failed after the debit.
        """
        return self._served(question, lambda data, ledger, trail: release(question, data, ledger, utc_now(), trail))

    def suggest(self, question: BoundsQuestion) -> Suggestion:
        """Suggest bounds for a column and for the number of rows per customer; see `privacy.dp.suggest`.

        Raises:
            PrivacyError: the question is refused; no budget was spent.
        """
        asked = question.of_values()
        return self._served(asked, lambda data, ledger, trail: suggest(question, data, ledger, utc_now(), trail))

    def balances(self, question: Question) -> dict[str, float]:
        """Return the remaining ρ, by period, of the budget that is charged for a question."""
        left = self.installation.ledger.balances(question.account, utc_now())
        return {balance.period: balance.left.rho for balance in left}

    def _served(self, question: Question, serve: Callable[[DataSet, Ledger, Trail], Given]) -> Given:
        trail = Trail(self.installation.audit_log, self.who, utc_now, self.role)
        try:
            data = self._data(question)
        except PrivacyError as error:
            trail.note_refusal(question, error.message)
            raise
        return serve(data, self.installation.ledger, trail)

    def _data(self, question: Question) -> DataSet:
        require_role(question.dataset, self.role, question.purpose, self.installation.roles, self.installation.policy)
        require_permitted(question, self.installation.catalog, has_consent_filter=True)
        if not self.lakehouse.exists(question.dataset):
            raise BadQuestion(f"{question.dataset} is not in the lakehouse; run `bojagi run` first")
        view = self.consent()
        rows = self.lakehouse.read(question.dataset)
        return DataSet(keep_permitted_now(rows, question.purpose, view, self.lakehouse, question.unit))
