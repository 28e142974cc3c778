"""Decides consent for single customers and follows changes of the store; used by services that answer requests.

An index of all records is built once. Customers with newer records get indexes of their own. A withdrawal counts
after at most `CHECK_SECONDS`, through whichever connection of whichever process it was stored; `refresh` ends the wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from privacy.consent.errors import ConsentStoreReplaced
from privacy.consent.index import DecisionIndex, Denial
from privacy.consent.policy import Policy
from privacy.consent.record import ConsentRecord
from privacy.consent.store import ConsentStore
from privacy.consent.timeline import build_timeline

CHECK_SECONDS = 0.05
"""Time between two looks into the store. A look takes 5 µs, so twenty a second cost nearly nothing."""
_FEWEST_INDEXES = 64
"""From this number on, the indexes of changed customers are joined when they become many for their customers."""


class LiveDecisions:
    """Decides from memory, and reads new records from the store every `CHECK_SECONDS`. Safe under threads.

    While the store cannot be read, the methods that look into it raise, so no decision is older than a look.

    Raises (every method that looks into the store):
        ConsentStoreReplaced: another store has taken the place of the opened one, or it is gone.
        DATABASE_ERRORS: the store cannot be read.
    """

    def __init__(
        self,
        store: ConsentStore,
        policy: Policy,
        controller: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._policy, self._controller, self._monotonic = store, policy, controller, monotonic
        self._reading = threading.Lock()
        self.rebuild()

    def rebuild(self) -> None:
        """Read all records again."""
        with self._reading:
            version, seen = self._store.data_version(), self._store.sequence()
            records, membership = self._store.decisive_table(), self._store.membership_table()
            timeline = build_timeline(records, membership, self._policy, self._controller, with_causes=True)
            self._index = DecisionIndex(timeline, self._policy)
            self._newer: dict[str, DecisionIndex] = {}
            self._indexes = 0
            self._former = self._store.former_customers()
            self._version, self._seen, self._checked_at = version, seen, self._monotonic()

    def append(self, records: list[ConsentRecord]) -> None:
        """Store records. They count from the next call of `is_permitted` on."""
        with self._reading:
            self._store.append(records)
            self._read_new()

    def is_permitted(self, customer_id: str, purpose: str, at: datetime) -> bool:
        """Return whether the purpose is permitted for the customer at a local wall time.

        Raises:
            UnknownPurposeError: no such purpose.
        """
        return self.denials((customer_id,), purpose, at)[0] is None

    def denials(self, customers: Sequence[str], purpose: str, at: datetime) -> list[Denial | None]:
        """Return for each customer why the purpose is denied at a local wall time; None where it is permitted.

        Raises:
            UnknownPurposeError: no such purpose.
        """
        if self._monotonic() - self._checked_at >= CHECK_SECONDS:
            self.refresh()
        newer = self._newer
        found = self._index.denials(customers, purpose, at)
        if newer:
            for place, customer in enumerate(customers):
                if (index := newer.get(customer)) is not None:
                    found[place] = index.denials((customer,), purpose, at)[0]
        return found

    def knows(self, customer_id: str) -> bool:
        """Return whether a record that was read by the last look concerns the customer."""
        return self._newer.get(customer_id, self._index).knows(customer_id)

    @property
    def former_customers(self) -> set[str]:
        """Customers whose source persons all belong to other customers by now; not to be changed."""
        return self._former

    def refresh(self) -> None:
        """Read what was stored since the last look; all of it counts from now on."""
        with self._reading:
            if self._store.is_replaced():
                raise ConsentStoreReplaced(f"{self._store.path}: was replaced or removed while it was open; open it.")
            now, version = self._monotonic(), self._store.data_version()
            if version != self._version:
                self._read_new()
            # Only after the reading: if it fails, the next call reads again.
            self._version, self._checked_at = version, now

    def _read_new(self) -> None:
        now, changed = self._store.sequence(), self._store.changed_since(self._seen)
        if changed:
            self._indexes += 1
            if self._indexes > _FEWEST_INDEXES + len(self._newer) // 4:
                changed, self._indexes = changed | self._newer.keys(), 1
            subjects = self._store.subjects_of_all(changed)
            records, membership = self._store.record_table(subjects), self._store.membership_table(subjects)
            timeline = build_timeline(records, membership, self._policy, self._controller, with_causes=True)
            # The index also names other customers of these source persons, but only the changed ones completely.
            index = DecisionIndex(timeline, self._policy)
            self._former = (self._former - changed) | self._store.former_customers(changed)
            self._newer.update(dict.fromkeys(changed, index))
        self._seen = now
