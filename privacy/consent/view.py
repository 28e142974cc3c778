"""The consent record as one run sees it: all tables and proofs of the run use the same records and memberships."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import cached_property

import pyarrow as pa

from privacy.consent.index import DecisionIndex
from privacy.consent.policy import Policy
from privacy.consent.store import ConsentStore
from privacy.consent.timeline import build_timeline

RECORD = "consent/record"
MEMBERSHIP = "consent/membership"
"""Names of the records and the memberships among the inputs of a derived table."""


class ConsentView:
    """Records, memberships and decisions, as they were when the view was first used.

    Attributes:
        policy: purposes and laws.
        controller: the controller whose records decide.
        moment: time for which decisions are made, the shop's local wall time.
        digests: cache of digests of the verdicts in a table, by table and version.
    """

    def __init__(self, opened: Callable[[], ConsentStore], policy: Policy, controller: str, moment: datetime) -> None:
        self._opened = opened
        self.policy, self.controller, self.moment = policy, controller, moment
        self.digests: dict[str, dict[str, str]] = {}

    def open(self) -> ConsentStore:
        """Return a new connection to the store, to be closed by the caller."""
        return self._opened()

    @cached_property
    def sequence(self) -> tuple[int, int]:
        """Numbers of the last record and the last membership that the view includes."""
        with closing(self.open()) as store:
            return store.sequence()

    @property
    def state(self) -> str:
        """Text that changes with the records, memberships or rules of the view; tables are then built again."""
        return f"{self.sequence[0]}.{self.sequence[1]}-{self.controller}-{self.policy.digest}"

    def table(self, name: str) -> pa.Table:
        """Return the records (`RECORD`) or the memberships (`MEMBERSHIP`) of the view.

        Raises:
            KeyError: another name.
        """
        with closing(self.open()) as store:
            if name == RECORD:
                return store.record_table(up_to=self.sequence[0])
            if name == MEMBERSHIP:
                return store.membership_table(up_to=self.sequence[1])
        raise KeyError(f"got {name!r}; expected {RECORD} or {MEMBERSHIP}")

    @cached_property
    def index(self) -> DecisionIndex:
        """All decisions of the view, computed by `privacy.consent.timeline`, independently of the filter of tables."""
        with closing(self.open()) as store:
            records = store.decisive_table(up_to=self.sequence[0])
        membership = self.table(MEMBERSHIP)
        return DecisionIndex(build_timeline(records, membership, self.policy, self.controller), self.policy)

    def is_permitted(self, customer_id: str | None, purpose: str) -> bool:
        """Return whether the purpose is permitted for the customer at the view's moment.

        For the customer None, only purposes that do not rest on consent are permitted.

        Raises:
            UnknownPurposeError: no such purpose.
        """
        if customer_id is None:
            return self.policy.permits_by_default(purpose)
        return self.index.is_permitted(customer_id, purpose, self.moment)
