"""Sends rows whose event lies in the future to quarantine: their clock or their zone is wrong, or the run's date is."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from pipelines.ingest.fault import RowFault, RowFaults

RULE = "future"
TOLERANCE = datetime.timedelta(days=1)
"""How long after the end of the reference date an event may lie. Clocks of devices are wrong by minutes, and the day of
two zones differs by at most one."""
EVENT_TIME = "event_time"


def event_time_column(contract: Contract) -> str | None:
    """Return the column with the time at which a row's event happened; None if the rows are no events.

    Only the touchpoint role `event_time` says so. Other times, such as an expiry date or a planned delivery, may lie in
    the future.
    """
    return next((column.name for column in contract.columns if column.touchpoint_role == EVENT_TIME), None)


def mark_future_events(
    columns: Mapping[str, pa.Array], contract: Contract, today: datetime.date, faults: RowFaults
) -> None:
    """Mark the rows whose event, in the shop's wall time, lies more than `TOLERANCE` after the end of `today`.

    Such a row can be loaded by a replay of quarantine on a later reference date.
    """
    name = event_time_column(contract)
    if name is None or not pa.types.is_temporal(columns[name].type):
        return
    wrong = _is_future(columns[name], today)
    reason = (
        f"the event lies more than {TOLERANCE.days} day after the reference date {today}: correct its clock or time "
        "zone, or replay it on a later date"
    )
    faults.mark(wrong.to_numpy(zero_copy_only=False), RowFault(name, RULE, reason))


def count_future(times: pa.Array | None, today: datetime.date) -> int:
    """Return how many times of a column would be refused as events; 0 for another column."""
    if times is None or not pa.types.is_temporal(times.type):
        return 0
    return int(pc.sum(_is_future(times, today)).as_py() or 0)


def _is_future(times: pa.Array, today: datetime.date) -> pa.Array:
    first_refused = pa.scalar(datetime.datetime.combine(today + TOLERANCE + datetime.timedelta(1), datetime.time()))
    at = times.cast(pa.timestamp("us"), safe=False) if pa.types.is_date(times.type) else times
    return pc.greater_equal(at, first_refused).fill_null(False)
