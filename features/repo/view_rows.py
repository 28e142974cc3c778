"""Reads the rows of a feature view from its Delta table, with the instant from which they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.definition import ENTITY
from installation.lakehouse.lakehouse import MAINTENANCE, Lakehouse
from installation.lakehouse.rows import quoted

EVENT_TIMESTAMP = "event_timestamp"
"""Column of the instant from which a row holds."""
INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class ViewTable:
    """The Delta table of a feature view and its column with the event time, see `FeatureView`."""

    table: str
    event_time: str
    is_daily: bool


def read_rows(lakehouse: Lakehouse, source: ViewTable, features: Sequence[str], zone: ZoneInfo) -> pa.Table:
    """Return the rows: `customer_id`, `event_timestamp` and the features.

    A day of the shop ends in the shop's time zone. The rows of a day that has not ended when the table is written hold
    from the moment of the write. So nothing that happens later on that day counts as known.

    Args:
        lakehouse: the tables.
        source: the table and its event time.
        features: names of the features.
        zone: time zone of the shop.

    Raises:
        LakehouseError: there is no such table.
    """
    columns = [ENTITY, source.event_time, *(name for name in features if name != source.event_time)]
    rows = lakehouse.select(source.table, quoted(columns))
    instants = _instants(rows[source.event_time], source.is_daily, zone)
    written_at = _written_at(lakehouse, source.table)
    if written_at is not None:
        instants = pc.if_else(pc.greater(instants, limit := pa.scalar(written_at, INSTANT)), limit, instants)
    plain = {name: _feature_values(rows[name]) for name in features}
    return pa.table({ENTITY: rows[ENTITY], EVENT_TIMESTAMP: instants, **plain})


def newest_of(rows: pa.Table) -> pa.Table:
    """Return the row of each customer with the latest event time."""
    newest = f"row_number() OVER (PARTITION BY {ENTITY} ORDER BY {EVENT_TIMESTAMP} DESC) = 1"
    return query(f"SELECT * FROM rows QUALIFY {newest}", {"rows": rows})


def query(sql: str, tables: Mapping[str, pa.Table], values: Sequence[Any] = ()) -> pa.Table:
    """Return the result of SQL of DuckDB over Arrow tables; `$1` stands for the first of `values`."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET threads = 2")
        for name, rows in tables.items():
            connection.register(name, rows)
        return connection.sql(sql, params=list(values)).to_arrow_table()


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day ends.

    >>> end_of_day(date(2017, 12, 31), ZoneInfo("Asia/Seoul")).isoformat()
    '2017-12-31T15:00:00+00:00'
    """
    return datetime.combine(day + timedelta(1), time(), zone).astimezone(UTC)


def _instants(values: pa.ChunkedArray, is_daily: bool, zone: ZoneInfo) -> pa.ChunkedArray:
    if not is_daily:
        local = (
            values if values.type.tz else pc.assume_timezone(values, zone.key, ambiguous="latest", nonexistent="latest")
        )
        return local.cast(INSTANT)
    coded = values.combine_chunks().dictionary_encode()
    ends = pa.array([None if day is None else end_of_day(day, zone) for day in coded.dictionary.to_pylist()], INSTANT)
    return pa.chunked_array([ends.take(coded.indices)])


def _written_at(lakehouse: Lakehouse, table: str) -> datetime | None:
    """Return when the rows were written; None if the log does not list it any more."""
    return next((one.committed_at for one in lakehouse.history(table) if one.operation not in MAINTENANCE), None)


def _feature_values(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values in the type of their feature, see `FeatureType`."""
    return values.cast(_feature_type(values.type))


def _feature_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_feature_type(kind.value_type))
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind) and kind.tz:
        return INSTANT
    return pa.timestamp("us") if pa.types.is_temporal(kind) else kind
