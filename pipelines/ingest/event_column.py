"""Chooses the column of a source that holds the time of a row's event."""

from __future__ import annotations

from installation.contract.document import Contract


def event_column(contract: Contract) -> str | None:
    """Return the column that holds the time of a row's event; None if the contract has no such date or time column.

    It is the first of these columns that is a date or time: the touchpoint's event time, a partition column, the
    column from which the retention period is counted.
    """
    timed = {column.name for column in contract.columns if column.spark_type in ("date", "timestamp_ntz", "timestamp")}
    named = [contract.touchpoint.columns.get("event_time") if contract.touchpoint else None]
    named += [column.name for column in contract.columns if column.touchpoint_role == "event_time"]
    named += [*contract.partition_by, contract.retention_column]
    return next((name for name in named if name in timed), None)
