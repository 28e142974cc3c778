"""The consent decisions that a retrieval asks: from memory, following the consent record of the installation."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from installation.installation import Installation
from privacy.consent.errors import ConsentError, ConsentStoreReplaced
from privacy.consent.index import Denial
from privacy.consent.live_decision import LiveDecisions


class CustomerConsent:
    """Decides for customers, and opens the record anew after its file was replaced. Safe under threads."""

    def __init__(self, installation: Installation) -> None:
        """Open the record and read it once.

        Raises:
            ConsentError: there is no record, or it cannot be opened.
            DATABASE_ERRORS: it cannot be read.
        """
        self._installation = installation
        self._opening = threading.Lock()
        self._live: LiveDecisions | None = None
        self._decisions()

    def denials(self, customers: Sequence[str], purpose: str, at: datetime) -> list[Denial | None]:
        """Return for each customer why the purpose is denied at a local wall time; None where it is permitted.

        Raises:
            ConsentError: the record is missing or cannot be opened.
            DATABASE_ERRORS: it cannot be read.
        """
        try:
            return self._decisions().denials(customers, purpose, at)
        except ConsentStoreReplaced:
            self._live = None
            return self._decisions().denials(customers, purpose, at)

    def knows(self, customer_id: str) -> bool:
        """Return whether the record has a statement that concerns the customer."""
        return self._decisions().knows(customer_id)

    def former_customers(self) -> set[str]:
        """Return the customers that were merged into others, so that their ids stand for nobody; not to be changed."""
        return self._decisions().former_customers

    def refresh(self) -> None:
        """Look into the record now, see `denials`."""
        try:
            self._decisions().refresh()
        except ConsentStoreReplaced:
            self._live = None
            self._decisions()

    def close(self) -> None:
        """Release the record. A later question opens it anew."""
        self._live = None

    def _decisions(self) -> LiveDecisions:
        live = self._live
        if live is not None:
            return live
        with self._opening:
            if self._live is None:
                if not self._installation.has_consent_record:
                    place = self._installation.consent_path
                    raise ConsentError(f"{place}: there is no consent record. Run `bojagi run`, or restore it.")
                # Closed when the last thread that still asks it has its answer.
                store = self._installation.open_consent_store()
                self._live = LiveDecisions(store, self._installation.policy, self._installation.settings.controller)
            return self._live
