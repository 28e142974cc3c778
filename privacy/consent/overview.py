"""How many people permit each purpose over time, when they withdrew, and whose permission ends soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

REFUSED = 0
"""Verdict of a period of silver/permission in which the purpose is not permitted; 2 is permitted by day only."""


@dataclass(frozen=True)
class PurposeRate:
    """The permissions of one purpose.

    Attributes:
        purpose: name of the purpose.
        permitting: customers who permit it now.
        shares: share of all customers who permitted it at each moment of `consent_overview`.
        ended: for each span between two moments, permissions that ended in it, by a withdrawal or by time.
        ending: permissions of now that end by themselves in the next days.
    """

    purpose: str
    permitting: int
    shares: tuple[float, ...]
    ended: tuple[int, ...]
    ending: int


def consent_overview(
    periods: pa.Table, customers: int, moments: Sequence[datetime], within: timedelta
) -> list[PurposeRate]:  # fmt: skip
    """Return the permissions of each purpose that rests on consent, the most permitted first.

    Args:
        periods: rows of silver/permission: purpose, from_at, until_at (null: open) and verdict, one a period.
        customers: number of all customers.
        moments: in order; the last one is now.
        within: how far ahead `ending` looks.
    """
    now, found = moments[-1], []
    yes = periods.filter(pc.not_equal(periods["verdict"], REFUSED))
    for purpose in sorted(pc.unique(periods["purpose"]).to_pylist()):
        rows = yes.filter(pc.equal(yes["purpose"], purpose))
        begins = np.asarray(rows["from_at"].cast(pa.timestamp("us")).cast(pa.int64()))
        ends = np.asarray(pc.fill_null(rows["until_at"].cast(pa.timestamp("us")).cast(pa.int64()), _NEVER))
        at = np.array([_micros(moment) for moment in moments])
        counts = [int(((begins <= one) & (ends > one)).sum()) for one in at]
        ended = [int(((ends > low) & (ends <= high)).sum()) for low, high in pairwise(at)]
        ending = int(((begins <= at[-1]) & (ends > at[-1]) & (ends <= _micros(now + within))).sum())
        shares = tuple(count / customers if customers else 0.0 for count in counts)
        found.append(PurposeRate(purpose, counts[-1], shares, tuple(ended), ending))
    return sorted(found, key=lambda one: (-one.permitting, one.purpose))


_NEVER = np.iinfo(np.int64).max


def _micros(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1)) / timedelta(microseconds=1))
