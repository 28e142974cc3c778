"""A circuit breaker: a model that keeps failing is not asked for a while, so that turns do not wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES_UNTIL_OPEN = 3
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0


class Circuit:
    """The health of one model, used from one event loop.

    closed --three failures in a row--> open --after a pause--> one trial --success--> closed
    A failed trial doubles the pause.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures, self._pause, self._closed_at = 0, FIRST_PAUSE_SECONDS, 0.0
        self._trial_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether requests are refused now."""
        return self._failures >= FAILURES_UNTIL_OPEN and self._clock() < max(self._closed_at, self._trial_until)

    def enter(self, most_seconds: float) -> bool:
        """Return whether a request may be sent. After a pause only one may be, until it ends or takes too long."""
        if self.is_open:
            return False
        if self._failures >= FAILURES_UNTIL_OPEN:
            self._trial_until = self._clock() + most_seconds
        return True

    def succeed(self) -> None:
        """Note an answer."""
        self._failures, self._pause, self._trial_until = 0, FIRST_PAUSE_SECONDS, 0.0

    def abandon(self) -> None:
        """Note that a request ended without saying anything about the model's health."""
        self._trial_until = 0.0

    def fail(self) -> None:
        """Note a failure."""
        self._failures, self._trial_until = self._failures + 1, 0.0
        if self._failures >= FAILURES_UNTIL_OPEN:
            self._closed_at = self._clock() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
