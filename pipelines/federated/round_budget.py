"""Debits the privacy ledger for rounds of a training with noise, before a site's sum leaves."""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256

from installation.installation import Installation
from pipelines.release.declaration import ModelRelease
from privacy.audit import AuditEntry
from privacy.clock import utc_now
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost, cost_of_rho
from privacy.dp.ledger_answer import Grant
from privacy.dp.trail import ACTION


def account_of(release: ModelRelease) -> BudgetAccount:
    """Return the account that the training of a model debits."""
    return BudgetAccount(release.table, release.purpose)


class RoundBudget:
    """The budget of the sites of one installation in one start of a run.

    The sites of one installation have disjoint customers, so a round costs each customer ρ once, however many sites
    contribute (parallel composition). A round that a site does again, such as after a resumed run, costs again: its
    noise is drawn anew.
    """

    def __init__(self, installation: Installation, release: ModelRelease, who: str) -> None:
        self._installation, self._release, self._who = installation, release, who
        self._asked: Counter[tuple[str, str, int]] = Counter()
        self._debited: Counter[tuple[str, int]] = Counter()

    def require(self, rho: float) -> None:
        """Check that the whole run could be paid now. Spends nothing.

        Raises:
            BudgetRefused: it could not.
        """
        self._installation.ledger.require(account_of(self._release), cost_of_rho(rho), utc_now())

    def debit(self, site: str, run: str, number: int, rho: float) -> None:
        """Debit a round of a run once for all sites, on the disk and in the audit log when this returns.

        Raises:
            BudgetRefused: the account has no limit, or the debit would exceed one. Nothing was spent.
            AuditError: the debit cannot be logged, so nothing may leave the site.
        """
        self._asked[site, run, number] += 1
        if self._asked[site, run, number] <= self._debited[run, number]:
            return
        start = self._debited[run, number] + 1
        cost = cost_of_rho(rho)
        granted = self._installation.ledger.ask(
            account_of(self._release), _question(run, number, start), cost, utc_now()
        )  # fmt: skip
        if isinstance(granted, Grant):
            self._log(granted, run, number, cost)
        self._debited[run, number] = start

    def _log(self, grant: Grant, run: str, number: int, cost: Cost) -> None:
        entry = AuditEntry(
            at=self._installation.clock(), who=self._who, role="pipeline", purpose=self._release.purpose,
            action=ACTION, table=self._release.table, debit=grant.debit,
            reason=f"round {number} of run {run} at ρ={cost.rho:g}, paid by entry {grant.debit.number} of the privacy "
            "ledger",
        )  # fmt: skip
        self._installation.audit_log.append(entry)


def _question(run: str, number: int, start: int) -> str:
    return sha256(json.dumps(["federated round", run, number, start]).encode()).hexdigest()
