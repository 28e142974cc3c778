"""Decides consent for one customer from memory. Features and the agent ask it before each use of data.

A look-up is two binary searches, one for the customer and one for the moment. The index contains the records that it
was built from; `live_decision.LiveDecisions` follows the store.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from privacy.consent.errors import UnknownPurposeError
from privacy.consent.law import HoursRule
from privacy.consent.policy import Policy
from privacy.consent.timeline import (
    ALWAYS,
    BY_DAY,
    OBJECTED,
    RESTRICTED,
    VERDICT_BITS,
    PurposeTimeline,
    Timeline,
    default_verdict,
    microseconds,
)


class Denial(StrEnum):
    """The reason why a purpose is denied. Without causes in the timeline, every denial is `no_consent`."""

    NO_CONSENT = "no_consent"
    OBJECTED = "objected"
    RESTRICTED = "restricted"


_DENIALS = {OBJECTED: Denial.OBJECTED, RESTRICTED: Denial.RESTRICTED}


def _denials_by_code() -> tuple[tuple[Denial | None, ...], tuple[Denial | None, ...]]:
    """Return the denial of every code: outside the hours of the purpose's hours rule, and within them."""
    by_day, at_night = [], []
    for code in range((RESTRICTED + 1) << VERDICT_BITS):
        verdict = code & ((1 << VERDICT_BITS) - 1)
        denial = _DENIALS.get(code >> VERDICT_BITS, Denial.NO_CONSENT)
        by_day.append(None if verdict in (ALWAYS, BY_DAY) else denial)
        at_night.append(None if verdict == ALWAYS else denial)
    return tuple(by_day), tuple(at_night)


_BY_DAY, _AT_NIGHT = _denials_by_code()
_MOST_KNOWN_ROWS = 1 << 16
"""Rows that are kept in a dictionary, some megabytes. Searching for a row takes ten times as long."""


@dataclass(frozen=True)
class _Purpose:
    """The verdicts on one purpose: those of customer i are at first[i]:first[i + 1]."""

    first: memoryview
    times: memoryview
    codes: memoryview
    default: int
    hours: HoursRule | None
    nbytes: int


class DecisionIndex:
    """Holds all verdicts of a timeline for look-ups of single customers."""

    def __init__(self, timeline: Timeline, policy: Policy) -> None:
        self._customers: npt.NDArray[np.bytes_] = timeline.customers
        # The rows of customers that were asked about: the same few come again and again while they are served.
        self._row_of: dict[str, int] = {}
        size = len(timeline.customers)
        self._purposes = {p: _ready(t, size, p, policy) for p, t in timeline.purposes.items()}

    def __len__(self) -> int:
        """Return the number of customers with records."""
        return len(self._customers)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the index takes."""
        return self._customers.nbytes + sum(purpose.nbytes for purpose in self._purposes.values())

    def is_permitted(self, customer_id: str, purpose: str, at: datetime) -> bool:
        """Return whether the purpose is permitted for the customer at a local wall time.

        A customer without records permits only the purposes that do not rest on consent.

        Raises:
            UnknownPurposeError: no such purpose.
        """
        return self.denials((customer_id,), purpose, at)[0] is None

    def denials(self, customers: Sequence[str], purpose: str, at: datetime) -> list[Denial | None]:
        """Return for each customer why the purpose is denied at a local wall time; None where it is permitted.

        Raises:
            UnknownPurposeError: no such purpose.
        """
        found = self._purposes.get(purpose)
        if found is None:
            raise UnknownPurposeError(f"Got the purpose {purpose!r}; expected one of {', '.join(self._purposes)}.")
        denial_of = _AT_NIGHT if found.hours is not None and found.hours.holds_at(at) else _BY_DAY
        moment, first, times, codes = microseconds(at), found.first, found.times, found.codes
        denials = [denial_of[found.default]] * len(customers)
        for place, row in enumerate(self._rows(customers)):
            if row >= 0:
                start = first[row]
                entry = bisect_right(times, moment, start, first[row + 1])
                if entry != start:
                    denials[place] = denial_of[codes[entry - 1]]
        return denials

    def knows(self, customer_id: str) -> bool:
        """Return whether a record concerns the customer."""
        return self._rows((customer_id,))[0] >= 0

    def _rows(self, customers: Sequence[str]) -> list[int]:
        """Return the row in the index of each customer; -1 for one without records."""
        row_of = self._row_of
        try:
            return [row_of[customer] for customer in customers]
        except KeyError:
            rows = self._search(customers)
            if len(row_of) + len(rows) > _MOST_KNOWN_ROWS:
                row_of.clear()
            if len(rows) <= _MOST_KNOWN_ROWS:
                row_of.update(zip(customers, rows, strict=True))
            return rows

    def _search(self, customers: Sequence[str]) -> list[int]:
        known = self._customers
        if not len(known):
            return [-1] * len(customers)
        # Of the names' own width: otherwise numpy would widen all names to compare them.
        names = [customer.encode("utf-8", "surrogatepass") for customer in customers]
        rows = known.searchsorted(np.array(names, dtype=known.dtype))
        # Compared as Python's bytes, because numpy cuts long names and ignores zero bytes at their end.
        found = zip(rows.tolist(), known.take(rows, mode="clip").tolist(), names, strict=True)
        return [row if name == asked else -1 for row, name, asked in found]


def _ready(timeline: PurposeTimeline, size: int, purpose: str, policy: Policy) -> _Purpose:
    first = np.searchsorted(timeline.row, np.arange(size + 1)).astype(np.int32)
    return _Purpose(
        first.data,
        timeline.time.data,
        timeline.code.data,
        default_verdict(policy, purpose),
        policy.hours_of(purpose),
        first.nbytes + timeline.time.nbytes + timeline.code.nbytes,
    )
