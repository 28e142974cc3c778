"""Writes the newest row of each customer from the tables of the feature views into the online store.

Only rows that changed are written. Rows of customers who are no longer in a table are removed, with their bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from zoneinfo import ZoneInfo

import pyarrow as pa

from features.definition import ENTITY, FeatureView, read_catalog
from features.repo.push import PUSHED, differing_features, is_equal, schema_of
from features.repo.view_rows import EVENT_TIMESTAMP, ViewTable, newest_of, read_rows
from features.store.online_store import OnlineStore, StoredRow, StoredView, Value, ViewSchema
from features.store.opening import open_online_store
from installation.installation import Installation

_BATCH = 20_000
_US = 1_000_000
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class ViewReport:
    """The result of materialising one view.

    Attributes:
        view: name of the view.
        customers: customers in the view's table.
        written: rows that were written to the online store. The others had not changed.
        newer: rows left out, because the store has pushed values of a later event.
        removed: customers removed from the view, because its table has no row of them any more.
        compared: pushed rows that a row of the table has replaced.
        differing: for each feature, the number of these rows whose pushed value was another one.
    """

    view: str
    customers: int
    written: int = 0
    newer: int = 0
    removed: int = 0
    compared: int = 0
    differing: Mapping[str, int] = field(default_factory=dict)


def materialize(installation: Installation, views: Iterable[str] | None = None) -> list[ViewReport]:
    """Write the newest row of each customer and view into the online store; return a report for each view.

    A view whose table does not exist has no customers.

    Args:
        installation: its catalog, tables and online store.
        views: names of the views; None takes all.

    Raises:
        UnknownFeatureError: there is no such view.
        StoreError: the online store cannot be opened or written.
    """
    catalog = read_catalog(installation)
    chosen = [catalog.view(name) for name in (catalog.views if views is None else views)]
    # A run materialises one view after another. It need not read the whole store before each of them.
    with closing(open_online_store(installation, verify=views is None)) as store:
        reports = [materialize_view(view, newest_rows(view, installation), store) for view in chosen]
        if any(report.removed for report in reports):
            store.compact()
    return reports


def newest_rows(view: FeatureView, installation: Installation) -> pa.Table:
    """Return the newest row of each customer, see `read_rows`; no row if the table does not exist."""
    names = [feature.name for feature in view.features]
    lakehouse, source = installation.lakehouse, ViewTable(view.table, view.event_time, view.is_daily)
    if not lakehouse.exists(view.table):
        return pa.table({name: pa.array([], pa.null()) for name in (ENTITY, EVENT_TIMESTAMP, *names)})
    return newest_of(read_rows(lakehouse, source, names, ZoneInfo(installation.settings.time_zone)))


def materialize_view(view: FeatureView, rows: pa.Table, store: OnlineStore) -> ViewReport:
    """Write rows of a view into the online store, and remove the customers who have none.

    A row with the stored values is written only if the stored ones are about to become stale.

    Args:
        view: the feature view.
        rows: one row a customer: `customer_id`, `event_timestamp` and the features.
        store: the online store.
    """
    limits = [feature.freshness_seconds for feature in view.features if feature.freshness_seconds is not None]
    renewed_after = min([_DAY_SECONDS, *(limit // 2 for limit in limits)]) * _US
    schema = schema_of(view)
    written = newer = compared = 0
    differing: Counter[str] = Counter()
    for batch in rows.to_batches(_BATCH):
        customers: list[str] = batch[ENTITY].to_pylist()
        moments: list[int] = batch[EVENT_TIMESTAMP].cast(pa.int64()).to_pylist()
        values = list(zip(*(batch[feature.name].to_pylist() for feature in view.features), strict=True))
        stored = store.read(customers, (view.name, view.name + PUSHED))
        replaced = []
        for customer, row, moment, new in zip(customers, stored, moments, values, strict=True):
            pushed = None if row is None else row.get(view.name + PUSHED)
            if pushed is not None and pushed.event_time_us <= moment:
                replaced.append(customer)
                differing.update(differing_features(pushed, _by_name(view, new)))
        known = [None if row is None else row.get(view.name) for row in stored]
        due = [
            place
            for place, (old, moment) in enumerate(zip(known, moments, strict=True))
            if _is_due(old, moment, values[place], schema, renewed_after)
        ]
        done = store.write(schema, [customers[n] for n in due], [moments[n] for n in due], [values[n] for n in due])
        written, newer, compared = written + done.written, newer + done.older, compared + len(replaced)
        store.drop([view.name + PUSHED], replaced)
    removed = _remove_absent(view, set(rows[ENTITY].to_pylist()), store)
    return ViewReport(view.name, rows.num_rows, written, newer, removed, compared, dict(differing))


def _by_name(view: FeatureView, values: Sequence[Value]) -> dict[str, Value]:
    return {feature.name: value for feature, value in zip(view.features, values, strict=True)}


def _is_due(
    stored: StoredView | None, moment: int, values: Sequence[Value], schema: ViewSchema, renewed_after: int
) -> bool:
    if stored is None or stored.schema != schema:
        return True
    # Sums of floats differ from run to run in their last digits.
    if stored.values != list(values) and not is_equal(stored.values, values):
        return True
    return moment - stored.event_time_us >= renewed_after


def _remove_absent(view: FeatureView, present: set[str], store: OnlineStore) -> int:
    """Remove the view of every customer of the store who is not `present`; return how many had it."""
    removed, absent = 0, iter([customer for customer in store.customers() if customer not in present])
    while batch := list(islice(absent, _BATCH)):
        rows: list[StoredRow | None] = store.read(batch, (view.name, view.name + PUSHED))
        holders = [customer for customer, row in zip(batch, rows, strict=True) if row]
        store.drop([view.name, view.name + PUSHED], holders)
        removed += len(holders)
    return removed
