"""Decides consent for one customer from memory. Features and the agent ask it before each use of data.

A look-up is two binary searches, one for the customer and one for the moment. The index contains the records that it
was built from; `live_decision.LiveDecisions` follows the store.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from privacy.consent.errors import UnknownPurposeError
from privacy.consent.law import HoursRule
from privacy.consent.policy import Policy
from privacy.consent.timeline import ALWAYS, BY_DAY, PurposeTimeline, Timeline, default_verdict, microseconds


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
        found = self._purposes.get(purpose)
        if found is None:
            raise UnknownPurposeError(f"Got the purpose {purpose!r}; expected one of {', '.join(self._purposes)}.")
        code = self._code(found, customer_id, microseconds(at))
        return code == ALWAYS or (code == BY_DAY and found.hours is not None and not found.hours.holds_at(at))

    def _code(self, purpose: _Purpose, customer_id: str, at: int) -> int:
        name = customer_id.encode()
        if len(name) > self._customers.itemsize:  # numpy would widen all names to compare
            return purpose.default
        row = int(self._customers.searchsorted(name))
        if row == len(self._customers) or self._customers[row] != name:
            return purpose.default
        first, end = purpose.first[row], purpose.first[row + 1]
        found = bisect_right(purpose.times, at, first, end)
        return purpose.default if found == first else int(purpose.codes[found - 1])


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
