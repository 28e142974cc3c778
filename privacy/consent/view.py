"""What the consent record says in one run: taken once, so that all its tables and all its proofs rest on the same."""

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
"""Names under which a derived table lists records and memberships among its inputs."""


class ConsentView:
    """Records, memberships and decisions up to the moment at which the view was first asked.

    Attributes:
        policy: purposes and laws.
        controller: whose records decide.
        moment: at which decisions are made, the shop's local wall time.
        digests: of the verdicts in a table, by the table and its version; kept so that each is made once.
    """

    def __init__(self, opened: Callable[[], ConsentStore], policy: Policy, controller: str, moment: datetime) -> None:
        self._opened = opened
        self.policy, self.controller, self.moment = policy, controller, moment
        self.digests: dict[str, dict[str, str]] = {}

    def open(self) -> ConsentStore:
        """Open the store, to be closed by the caller."""
        return self._opened()

    @cached_property
    def sequence(self) -> tuple[int, int]:
        """Up to which record and which membership the view goes."""
        with closing(self.open()) as store:
            return store.sequence()

    @property
    def state(self) -> str:
        """What the view rests on: records, memberships and rules. Another state, and tables are built again."""
        return f"{self.sequence[0]}.{self.sequence[1]}-{self.controller}-{self.policy.digest}"

    def table(self, name: str) -> pa.Table:
        """The records or the memberships.

        Raises:
            KeyError: neither is called so.
        """
        with closing(self.open()) as store:
            if name == RECORD:
                return store.record_table(up_to=self.sequence[0])
            if name == MEMBERSHIP:
                return store.membership_table(up_to=self.sequence[1])
        raise KeyError(f"got {name!r}; expected {RECORD} or {MEMBERSHIP}")

    @cached_property
    def index(self) -> DecisionIndex:
        """The decisions, made from the records by `privacy.consent.timeline`: not the way that tables are filtered."""
        with closing(self.open()) as store:
            records = store.decisive_table(up_to=self.sequence[0])
        membership = self.table(MEMBERSHIP)
        return DecisionIndex(build_timeline(records, membership, self.policy, self.controller), self.policy)

    def is_permitted(self, customer_id: str | None, purpose: str) -> bool:
        """Whether the purpose is permitted for the customer at the view's moment; nobody permits nothing."""
        if customer_id is None:
            return self.policy.permits_by_default(purpose)
        return self.index.is_permitted(customer_id, purpose, self.moment)
