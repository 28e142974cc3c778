"""How many customers permit each purpose: month by month, now, and what ends soon or was withdrawn.

Customers are those of today: a record of the past counts for the customer that its source person belongs to now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.consent.policy import Policy
from privacy.consent.state import State
from privacy.consent.timeline import (
    BLOCKED,
    VERDICT_BITS,
    PurposeTimeline,
    build_timeline,
    default_verdict,
    microseconds,
)

ENDING_DAYS = (7, 30, 90)
"""Within how many days a consent that ends is counted."""
ENDED = (State.WITHDRAWN.value, State.OBJECTED.value)
_ALWAYS = datetime(1900, 1, 1)


@dataclass(frozen=True)
class PurposeOverview:
    """One purpose.

    Attributes:
        purpose: its name.
        permitted: customers who permit it, at each moment of the overview.
        ended: source persons who withdrew it or objected to it, in the month that each moment ends.
        ending: customers whose permission ends within each of `ENDING_DAYS` without a new statement.
    """

    purpose: str
    permitted: tuple[int, ...]
    ended: tuple[int, ...]
    ending: tuple[int, ...]


@dataclass(frozen=True)
class ConsentOverview:
    """All purposes. `known`: customers with a statement, at each of `moments`; the last moment is now."""

    moments: tuple[datetime, ...]
    known: tuple[int, ...]
    purposes: tuple[PurposeOverview, ...]

    @property
    def months(self) -> list[datetime]:
        """A day of the month that each moment ends."""
        return _months(self.moments)


def consent_overview(
    records: pa.Table, membership: pa.Table, policy: Policy, controller: str, now: datetime, months: int = 12
) -> ConsentOverview:
    """Return the overview of a controller's records.

    Args:
        records: the `DECISIVE` columns, at least; one row a record.
        membership: `MEMBERSHIP_SCHEMA`, in the order of source persons and moments.
        policy: purposes and laws.
        controller: the controller whose records count.
        now: the last moment, the shop's local wall time.
        months: number of moments: the ends of the months before this one, and now.
    """
    timeline = build_timeline(records, _as_of_today(membership), policy, controller)
    moments = [*_month_ends(now, months - 1), now]
    size = len(timeline.customers)
    first = np.full(size, np.iinfo(np.int64).max)
    for one in timeline.purposes.values():
        np.minimum.at(first, one.row, one.time)
    known = [first <= microseconds(moment) for moment in moments]
    ended = _ended(records.filter(pc.equal(records["controller"], controller)), moments)
    purposes = []
    for name, one in timeline.purposes.items():
        default = default_verdict(policy, name)
        permits = [_permits(one, size, default, microseconds(moment)) for moment in moments]
        counts = tuple(int((given & there).sum()) for given, there in zip(permits, known, strict=True))
        withdrawn = tuple(ended.get((name, f"{moment:%Y-%m}"), 0) for moment in _months(moments))
        purposes.append(PurposeOverview(name, counts, withdrawn, _ending(one, permits[-1], now)))
    return ConsentOverview(tuple(moments), tuple(int(there.sum()) for there in known), tuple(purposes))


def _as_of_today(membership: pa.Table) -> pa.Table:
    """Return the last membership of each source person, as if it had always been so."""
    subjects = membership["subject_id"].combine_chunks()
    if len(subjects) == 0:
        return membership
    is_last = pa.array([*np.asarray(pc.not_equal(subjects[1:], subjects[:-1])), True])
    last = membership.filter(is_last)
    place = last.schema.get_field_index("from_at")
    return last.set_column(place, last.schema.field(place), pa.array([_ALWAYS] * len(last), pa.timestamp("us")))


def _month_ends(now: datetime, count: int) -> list[datetime]:
    ends: list[datetime] = []
    end = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(count):
        ends.append(end)
        end = (end - timedelta(days=1)).replace(day=1)
    return ends[::-1]


def _months(moments: Sequence[datetime]) -> list[datetime]:
    """Return a day of the month that each moment ends."""
    return [*(moment - timedelta(days=1) for moment in moments[:-1]), moments[-1]]


def _permits(timeline: PurposeTimeline, size: int, default: int, moment: int) -> npt.NDArray[np.bool_]:
    """Return for each customer whether the purpose is permitted at a moment, outside the night at least."""
    past = np.flatnonzero(timeline.time <= moment)
    code = np.full(size, default, dtype=np.int8)
    # Entries are in the order of time, so the last one of a customer stays.
    code[timeline.row[past]] = timeline.code[past]
    result: npt.NDArray[np.bool_] = (code & ((1 << VERDICT_BITS) - 1)) != BLOCKED
    return result


def _ending(timeline: PurposeTimeline, permits: npt.NDArray[np.bool_], now: datetime) -> tuple[int, ...]:
    ends = (timeline.time > microseconds(now)) & (timeline.code == BLOCKED)
    ends &= permits[timeline.row] if len(timeline.row) else False
    within = [ends & (timeline.time <= microseconds(now + timedelta(days=days))) for days in ENDING_DAYS]
    return tuple(len(np.unique(timeline.row[chosen])) for chosen in within)


def _ended(records: pa.Table, moments: Sequence[datetime]) -> dict[tuple[str, str], int]:
    """Return the source persons who withdrew or objected, by purpose and month."""
    since = pa.scalar(_months(moments)[0].replace(day=1), pa.timestamp("us"))
    inside = pc.and_(
        pc.is_in(records["state"], value_set=pa.array(ENDED)),
        pc.and_(
            pc.greater_equal(records["effective_at"], since),
            pc.less_equal(records["effective_at"], pa.scalar(moments[-1], pa.timestamp("us"))),
        ),
    )
    chosen = records.filter(inside)
    seen = {
        (purpose, f"{at:%Y-%m}", subject)
        for purpose, at, subject in zip(
            *(chosen[name].to_pylist() for name in ("purpose", "effective_at", "subject_id")), strict=True
        )
    }
    counts: dict[tuple[str, str], int] = {}
    for purpose, month, _ in seen:
        counts[purpose, month] = counts.get((purpose, month), 0) + 1
    return counts
