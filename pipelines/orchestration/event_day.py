"""The days of the event table as Dagster partitions. One run refreshes every day that its new files touch."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import dagster as dg

from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.table_profile import TableProfile, read_profile
from installation.object_store.place import require_reachable
from installation.settings import Settings

EVENT_TABLE = "silver/touchpoint_event"
# The days of Complete Journey.
FIRST_DAY = date(2017, 1, 1)
LAST_DAY = date(2017, 12, 31)


def daily_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Return the days from the first to the last event; the days of Complete Journey while there is no event.

    Days that a run adds after the last one become partitions when the definitions are loaded again.
    """
    days = [date.fromisoformat(day) for day in _recorded_days(settings)]
    first, last = min(days, default=FIRST_DAY), max(days, default=LAST_DAY)
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_date=(last + timedelta(days=1)).isoformat())


def touched_days(
    context: dg.AssetExecutionContext,
    partitions: dg.DailyPartitionsDefinition,
    profile: TableProfile,
    touched: Iterable[date],
) -> Iterator[dg.AssetMaterialization]:
    """Yield a materialisation, with the number of rows, for each day that was touched or never reported.

    A day that was no partition yet when the run started is reported by the next run.
    """
    known = set(partitions.get_partition_keys())
    reported = context.instance.get_materialized_partitions(context.asset_key)
    due = {day.isoformat() for day in touched} | (profile.rows_by_day.keys() - reported)
    for day in sorted(due & known):
        rows = profile.rows_by_day.get(day, 0)
        yield dg.AssetMaterialization(context.asset_key, partition=day, metadata={"dagster/partition_row_count": rows})


def _recorded_days(settings: Settings) -> Iterable[str]:
    require_reachable(settings.lakehouse_root, settings.storage_options)
    lakehouse = Lakehouse(settings.lakehouse_root, settings.storage_options)
    return read_profile(lakehouse.delta(EVENT_TABLE)).rows_by_day if lakehouse.exists(EVENT_TABLE) else ()
