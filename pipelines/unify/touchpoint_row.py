"""Converts the rows of one source into events with the schema of silver/touchpoint_event, without the customer."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Contract, Contracts
from pipelines.derived_table.deduplication import latest_of_many
from pipelines.unify.token_column import key_kinds, token_columns

ROLES = {  # role: type in silver/touchpoint_event
    "session_id": "string",
    # Identifiers are text: 0177 is not 177, and other sources than the market have letters in them.
    "product_id": "string",
    "order_id": "string",
    "store_id": "string",
    "amount": "decimal(18,2)",
    # Goods by weight have fractions, which an integer would cut off.
    "quantity": "decimal(18,3)",
    "query": "string",
    "dwell_seconds": "double",
    "outcome": "string",
    "rating": "double",
}
_SUMMED = ("amount", "quantity")
_SMALLEST = ("event_at", "channel", "event_type")


class TouchpointError(ValueError):
    """The touchpoint of a contract is incomplete, so its rows cannot be converted into events."""


@dataclass(frozen=True)
class EventSource:
    """A source whose rows are events, with its contract."""

    contract: Contract

    @property
    def roles(self) -> dict[str, str]:
        """Name of the column for each touchpoint role."""
        assert self.contract.touchpoint is not None
        return dict(self.contract.touchpoint.columns)

    @property
    def keys(self) -> tuple[str, ...]:
        """Kinds of keys by which a customer may be found: matching keys, session_id and order_id."""
        references = tuple(role for role in ("session_id", "order_id") if role in self.roles)
        return (*key_kinds(self.contract), *references)

    @property
    def is_keyed_by_event(self) -> bool:
        """Whether the event identifier alone is the primary key, so that a second row is a repeated delivery."""
        return self.contract.primary_key == (self.roles.get("event_id"),)


def event_sources(contracts: Contracts) -> tuple[EventSource, ...]:
    """Return all sources whose contract declares a touchpoint."""
    return tuple(EventSource(contract) for contract in contracts.sources if contract.touchpoint)


def event_rows(source: EventSource, frame: DataFrame, time_zone: str) -> DataFrame:
    """Return one row per event, with a column `_key_<kind>` for each key by which its customer may be found.

    - Rows without an event time are left out.
    - When the event identifier is the primary key, rows with the same identifier are repeated deliveries: the last
      one is kept.
    - Otherwise rows with the same identifier are parts of one event, such as the lines of a basket. Amount and
      quantity are added up. Time, channel, type and keys take the smallest value. Other columns keep a value
      that all rows with a value share, and are null when these rows differ.

    Args:
        source: the source of events.
        frame: its bronze rows, standardised.
        time_zone: zone of the shop's wall time, unless the contract of the source states another.

    Raises:
        TouchpointError: the contract declares no event time, or neither event identifier nor primary key.
    """
    contract, roles = source.contract, source.roles
    if "event_time" not in roles:
        raise TouchpointError(
            f"{contract.id} declares a touchpoint but no column with touchpointRole event_time. Add it to the contract."
        )
    if source.is_keyed_by_event:
        frame = latest_of_many(frame, contract.primary_key)
    known = {
        "event_id": _event_id(source),
        "event_at": _wall_time(source, time_zone),
        "channel": _value_or(roles.get("channel"), contract.touchpoint.channel if contract.touchpoint else None),
        "event_type": _value_or(
            roles.get("event_type"), contract.touchpoint.event_type if contract.touchpoint else None
        ),
        **{role: F.col(roles[role]).try_cast(kind) for role, kind in ROLES.items() if role in roles},
        **{f"_key_{kind}": token for kind, token in token_columns(contract).items()},
        **{f"_key_{role}": F.col(roles[role]).cast("string") for role in source.keys if role in roles},
        "load_id": F.col("_load_id"),
    }
    rows = frame.select(*(column.alias(name) for name, column in known.items())).where("event_at is not null")
    rows = rows.withColumn("row_count", F.lit(1).cast("bigint")) if source.is_keyed_by_event else _summed(rows)
    absent = {role: F.lit(None).cast(kind) for role, kind in ROLES.items() if role not in roles}
    return rows.withColumns({**absent, "source": F.lit(contract.name), "event_date": F.to_date("event_at")})


def _wall_time(source: EventSource, time_zone: str) -> Column:
    """Return the event time as the shop's wall time. Only a column of type `timestamp` holds instants."""
    contract, name = source.contract, source.roles["event_time"]
    if contract.column(name).spark_type != "timestamp":
        return F.col(name).cast("timestamp_ntz")
    zone = (contract.file.shop_time_zone if contract.file else None) or time_zone
    return F.from_utc_timestamp(F.col(name), zone).cast("timestamp_ntz")


def _event_id(source: EventSource) -> Column:
    roles, key = source.roles, source.contract.primary_key
    column = roles.get("event_id") or roles.get("order_id")
    if "event_id" in roles or (column is not None and column in key):
        return F.col(str(column)).cast("string")
    if not key:
        raise TouchpointError(
            f"{source.contract.id} declares a touchpoint but neither a column with touchpointRole event_id nor a "
            "primary key. Add one of them to the contract."
        )
    tokens = {column.name: column.token_name for column in source.contract.encrypted_columns}
    return F.concat_ws("/", *(F.col(tokens.get(name) or name).cast("string") for name in key))


def _value_or(column: str | None, literal: str | None) -> Column:
    """Return the column's value; where it is null or there is no column, the literal, else `unknown`."""
    value = F.col(column).cast("string") if column else F.lit(None).cast("string")
    return F.coalesce(value, F.lit(literal or "unknown"))


def _summed(rows: DataFrame) -> DataFrame:
    smallest = [name for name in rows.columns if name in _SMALLEST or name.startswith("_key_")]
    shared = [name for name in rows.columns if name in ROLES and name not in _SUMMED]
    return rows.groupBy("event_id").agg(
        *(F.min(name).alias(name) for name in smallest),
        *(F.when(F.min(name) == F.max(name), F.min(name)).alias(name) for name in shared),
        *(F.sum(name).cast(ROLES[name]).alias(name) for name in _SUMMED if name in rows.columns),
        F.max("load_id").alias("load_id"),
        F.count(F.lit(1)).alias("row_count"),
    )
