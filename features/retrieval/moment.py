"""The moment of a retrieval: the server's clock, as an instant and as the shop's wall time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from features.store.online_store import microseconds_of, moment_of
from installation.installation import Installation
from installation.reference_date import deciding_time, fixed_moment

_REREAD_SECONDS = 1.0
"""Time after which the reference date of historic data is read again: a file, which takes longer than a retrieval."""


class Moment(NamedTuple):
    """A moment as the shop's wall time without zone, and as microseconds since 1970 in UTC."""

    wall_time: datetime
    instant_us: int


class ShopClock:
    """Returns the moment of a retrieval, which is that of `Installation.decision_moment`, in a microsecond or two."""

    def __init__(self, installation: Installation, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._installation, self._monotonic = installation, monotonic
        self._zone = ZoneInfo(installation.settings.time_zone)
        # Most values of a view have the same event time: that of its last run.
        self.wall_time: Callable[[int], datetime] = lru_cache(maxsize=4096)(self._wall_time)
        self._read()

    def now(self) -> Moment:
        """Return the moment now; for simulated data with a fixed reference date, the end of that date.

        Raises:
            SettingsError: the file with the reference date cannot be read.
        """
        if self._monotonic() - self._read_at >= _REREAD_SECONDS:
            self._read()
        fixed = self._fixed
        if fixed is not None:
            return fixed
        now = self._installation.clock()
        return Moment(deciding_time(now, self._zone), microseconds_of(now))

    def _read(self) -> None:
        read_at, found = self._monotonic(), fixed_moment(self._installation.settings, self._installation.contracts)
        self._fixed = None if found is None else Moment(found, microseconds_of(found.replace(tzinfo=self._zone)))
        self._read_at = read_at

    def _wall_time(self, instant_us: int) -> datetime:
        """Return an instant, in microseconds since 1970 in UTC, as the shop's wall time."""
        return moment_of(instant_us).astimezone(self._zone).replace(tzinfo=None)
