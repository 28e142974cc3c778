"""Reads the facts that rules ask about: of all customers as Arrow tables, or of one customer as values.

Both read the same: the newest row of a feature view unless it is stale, the events of the last days, and the consents
of the moment. No rule sees the name of a sensitive category, such as infant formula: it would select people by what
their purchases tell of health or pregnancy. For one customer, features come from the online store through the feature
retrieval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from features.definition import ENTITY, Feature, FeatureCatalog, FeatureType
from features.insight.audience.event_name import EVENTS
from features.insight.audience.plan import EVENT_COLUMNS, events_of, features_of, purposes_of
from features.insight.audience.rule import Audience, EventTest
from features.insight.audience.window import first_day
from features.repo.view_rows import EVENT_TIMESTAMP, ViewTable, newest_of, read_rows
from features.retrieval.customer_consent import CustomerConsent
from features.retrieval.moment import Moment
from features.sensitive_name import SENSITIVE, is_sensitive_name
from installation.installation import Installation
from installation.lakehouse.rows import quoted
from privacy.consent.record import is_opaque_id

CUSTOMERS = "silver/customer"
_SECOND = 1_000_000
_PLAIN = {
    FeatureType.INT64: pa.int64(),
    FeatureType.FLOAT64: pa.float64(),
    FeatureType.STRING: pa.string(),
    FeatureType.BOOL: pa.bool_(),
    FeatureType.TIMESTAMP: pa.timestamp("us"),
    FeatureType.INT64_LIST: pa.list_(pa.int64()),
    FeatureType.FLOAT64_LIST: pa.list_(pa.float64()),
    FeatureType.STRING_LIST: pa.list_(pa.string()),
}


@dataclass(frozen=True)
class FactReader:
    """Reads facts of an installation at one moment."""

    installation: Installation
    catalog: FeatureCatalog
    consent: CustomerConsent
    moment: Moment

    @property
    def today(self) -> date:
        """The day on which windows end."""
        return self.moment.wall_time.date()

    def tables(self, audiences: Sequence[Audience]) -> dict[str, pa.Table]:
        """Return the tables of the query of these audiences, see `sql.compile_audiences`.

        `population`: one row per customer, `customer_id` and for each purpose the boolean `permits:PURPOSE`. A view's
        name: one row per customer with a row in the view, `customer_id` and the features; null where missing. `event`:
        one row per event of the last days of all tests: customer, day, type, channel.
        """
        purposes = sorted(set().union(*map(purposes_of, audiences)))
        found = {"population": self._population(purposes)}
        by_view: dict[str, list[Feature]] = {}
        for reference in dict.fromkeys(name for one in audiences for name in features_of(one.rule)):
            feature = self.catalog.feature(reference)
            by_view.setdefault(feature.view, []).append(feature)
        found |= {view: self._view(view, features) for view, features in by_view.items()}
        tests = [test for one in audiences for test in events_of(one.rule)]
        return found | ({"event": self._events(tests)} if tests else {})

    def is_customer(self, customer: str) -> bool:
        """Return whether the id is one of a customer that was not merged into another one."""
        lakehouse = self.installation.lakehouse
        # An opaque identifier has no quote, so it cannot break out of the SQL text.
        if not is_opaque_id(customer) or not lakehouse.exists(CUSTOMERS) or customer in self.consent.former_customers():
            return False
        return bool(lakehouse.select(CUSTOMERS, quoted([ENTITY]), f"\"{ENTITY}\" = '{customer}'").num_rows)

    def permits(self, customer: str, purposes: Iterable[str]) -> dict[str, bool]:
        """Return for each purpose whether the customer permits it."""
        at = self.moment.wall_time
        return {name: self.consent.denials((customer,), name, at)[0] is None for name in purposes}

    def counts(self, customer: str, tests: Sequence[EventTest]) -> dict[tuple[str, str | None, int], int]:
        """Return the number of the customer's events of each kind."""
        if not tests or not is_opaque_id(customer):
            return dict.fromkeys((test.kind for test in tests), 0)
        events = self._events(tests, customer).to_pylist()
        return {
            test.kind: sum(
                1
                for row in events
                if row["event_type"] == test.event
                and test.channel in (None, row["channel"])
                and first_day(self.today, test.within_days) <= row["event_date"] <= self.today
            )
            for test in tests
        }

    def values(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return values of the feature retrieval as `tables` has them."""
        return {name: _plain_value(value, self._zone) for name, value in found.items()}

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.installation.settings.time_zone)

    def _population(self, purposes: Sequence[str]) -> pa.Table:
        customers = self.installation.lakehouse.rows(CUSTOMERS, [ENTITY])[ENTITY].combine_chunks().unique()
        former = pa.array(sorted(self.consent.former_customers()), pa.string())
        customers = customers.filter(pc.invert(pc.is_in(customers, former)))
        names, at = customers.to_pylist(), self.moment.wall_time
        permits = {
            f"permits:{purpose}": pa.array(
                [denied is None for denied in self.consent.denials(names, purpose, at)], pa.bool_()
            )
            for purpose in purposes
        }
        return pa.table({ENTITY: customers, **permits})

    def _view(self, name: str, features: Sequence[Feature]) -> pa.Table:
        view, lakehouse = self.catalog.view(name), self.installation.lakehouse
        if not lakehouse.exists(view.table):
            empty = {one.name: pa.array([], _PLAIN[one.type]) for one in features}
            return pa.table({ENTITY: pa.array([], pa.string()), **empty})
        source = ViewTable(view.table, view.event_time, view.is_daily)
        rows = newest_of(read_rows(lakehouse, source, [one.name for one in features], self._zone))
        held_from = rows[EVENT_TIMESTAMP].cast(pa.int64())
        columns = {one.name: self._column(rows[one.name], one, held_from) for one in features}
        return pa.table({ENTITY: rows[ENTITY], **columns})

    def _column(self, values: pa.ChunkedArray, feature: Feature, held_from: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the values, null where they are stale, no number, or a sensitive name."""
        values = _without_sensitive_names(values)
        if pa.types.is_timestamp(values.type):
            values = _wall_times(values, self._zone)
        missing = pc.is_nan(values) if pa.types.is_floating(values.type) else None
        if feature.freshness_seconds is not None:
            oldest = self.moment.instant_us - feature.freshness_seconds * _SECOND
            is_stale = pc.less(held_from, pa.scalar(oldest, pa.int64()))
            missing = is_stale if missing is None else pc.or_kleene(missing, is_stale)
        if missing is None:
            return values
        return pc.if_else(pc.fill_null(missing, True), pa.scalar(None, values.type), values)

    def _events(self, tests: Sequence[EventTest], customer: str | None = None) -> pa.Table:
        lakehouse = self.installation.lakehouse
        first = first_day(self.today, max(test.within_days for test in tests))
        where = f"\"event_date\" >= DATE '{first.isoformat()}'"
        if customer is not None:
            where += f" AND \"{ENTITY}\" = '{customer}'"
        return lakehouse.select(EVENTS, quoted(EVENT_COLUMNS), where)


def _wall_times(values: pa.ChunkedArray, zone: ZoneInfo) -> pa.ChunkedArray:
    if values.type.tz is None:
        return values
    return pc.local_timestamp(values.cast(pa.timestamp("us", zone.key)))


def _without_sensitive_names(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts with null for sensitive names; in lists, for each such entry."""
    if pa.types.is_string(values.type):
        is_sensitive = pc.match_substring_regex(pc.utf8_upper(values), SENSITIVE)
        return pc.if_else(pc.fill_null(is_sensitive, False), pa.scalar(None, values.type), values)
    if not pa.types.is_list(values.type) or not pa.types.is_string(values.type.value_type):
        return values
    chunks = [
        pa.ListArray.from_arrays(
            pc.subtract(chunk.offsets, chunk.offsets[0]),
            _without_sensitive_names(pa.chunked_array([_entries(chunk)])).combine_chunks(),
            mask=chunk.is_null(),
        )
        for chunk in values.chunks
    ]
    return pa.chunked_array(chunks, values.type)


def _entries(lists: pa.ListArray) -> pa.Array:
    first, last = lists.offsets[0].as_py(), lists.offsets[-1].as_py()
    return lists.values.slice(first, last - first)


def _plain_value(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, list | tuple):
        return [_plain_value(one, zone) for one in value]
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, str) and is_sensitive_name(value):
        return None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(zone).replace(tzinfo=None)
    return value
