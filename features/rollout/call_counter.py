"""Counts calls in memory and hands the counts on within a second, so that no call waits for a disk."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from installation.event_log import log_error

FLUSH_SECONDS = 1.0
"""A process that is killed loses the counts of so long at most."""
Key: TypeAlias = tuple[datetime, str, bool, str]


class CallCounter:
    """Counts by definition and key, see `features.rollout.store.Counts`. Safe under threads."""

    def __init__(self, write: Callable[[int, Counter[Key]], None], after: Callable[[], None]) -> None:
        """`write` stores the counts of one definition; `after` is called when all are stored."""
        self._write, self._after = write, after
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._counts: dict[int, Counter[Key]] = {}
        self._counted: set[tuple[int, Key, str]] = set()
        self._look: datetime | None = None
        self._timer: threading.Timer | None = None

    def add(self, attempt: int, look: datetime, counts: Counter[Key], customer: str | None = None) -> None:
        """Add counts of a look; they are stored within a second. A customer counts once for each key of a look.

        Which customers have been counted is known in memory, until the next look.
        """
        with self._lock:
            if look != self._look:
                self._look, self._counted = look, set()
            if customer is not None:
                once = {(attempt, key, customer) for key in counts} - self._counted
                self._counted |= once
                counts = Counter({key: 1 for _, key, _ in once})
            self._counts.setdefault(attempt, Counter()).update(counts)
            self._begin_timer()

    def flush(self) -> None:
        """Store what was counted. What cannot be stored is kept for the next time."""
        with self._flushing:
            with self._lock:
                taken, self._counts = self._counts, {}
            try:
                for attempt in list(taken):
                    self._write(attempt, taken[attempt])
                    del taken[attempt]
            finally:
                with self._lock:
                    for attempt, counts in taken.items():
                        self._counts.setdefault(attempt, Counter()).update(counts)
            self._after()

    def close(self) -> None:
        """Store what was counted, and end the timer."""
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self.flush()

    def _begin_timer(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(FLUSH_SECONDS, self._tick)
            self._timer.daemon = True
            self._timer.start()

    def _tick(self) -> None:
        with self._lock:
            self._timer = None
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001 - the edge of a thread; the counts are kept and stored later
            log_error(error, source="bojagi.rollout")
            with self._lock:
                self._begin_timer()
