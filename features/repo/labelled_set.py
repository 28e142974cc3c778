"""Reads labelled training sets point in time: features as known at a day, and the outcome that followed it.

No look-ahead: a row of day t takes, of each view, the newest values that held at the end of t. Only the target comes
from a later row. Example with an outcome within one month: features of 31 March, target from 30 April.

    month ends     Jan  Feb  Mar  Apr        newest known outcome: that of Mar, read from Apr
    train          t=Jan, t=Feb              their outcomes were known at the end of Mar
    test                     t=Mar
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from types import TracebackType
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.definition import ENTITY, FeatureCatalog, FeatureType, FeatureView, read_catalog
from features.errors import FeatureError
from features.repo.feature_encoding import EncodedColumn, FeatureEncoding, Numbers, columns_of, encode_all, encodings_of
from features.repo.training_permission import log_training, permitted_customers, require_purpose
from features.repo.training_spec import TrainingSpec
from features.repo.view_rows import EVENT_TIMESTAMP, INSTANT, ViewTable, end_of_day, query, read_rows
from features.retrieval.customer_consent import CustomerConsent
from installation.installation import Installation
from installation.lakehouse.rows import quoted

Part = Literal["train", "test"]


@dataclass(frozen=True)
class LabelledSet:
    """The rows of a training set, sorted by day and customer.

    Attributes:
        columns: name and public bounds of each feature column.
        features: one row a customer and day, one column for each of `columns`; within the bounds, never null.
        target: 1.0 where the outcome came true, else 0.0.
        customer: the customer id of each row.
        day: the day of the features of each row.
    """

    columns: tuple[EncodedColumn, ...]
    features: Numbers
    target: Numbers
    customer: NDArray[np.object_]
    day: NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.target)

    @cached_property
    def customers(self) -> list[str]:
        """The customers, each once, sorted."""
        return sorted(set(self.customer.tolist()))

    def take(self, rows: NDArray[np.bool_]) -> LabelledSet:
        """Return the rows that a mask selects."""
        return LabelledSet(
            self.columns, self.features[rows], self.target[rows], self.customer[rows], self.day[rows]
        )  # fmt: skip


def month_end_after(day: date, months: int) -> date:
    """Return the last day of the month that lies some months after the month of `day`.

    >>> month_end_after(date(2017, 1, 31), 1), month_end_after(date(2017, 11, 30), 3)
    (datetime.date(2017, 2, 28), datetime.date(2018, 2, 28))
    """
    first = day.year * 12 + day.month + months
    return date(first // 12, first % 12 + 1, 1) - timedelta(1)


def split_moments(days: Sequence[date], months: int, most: int) -> dict[Part, tuple[date, ...]]:
    """Return the days of the training rows and the day of the test rows, from the days for which features exist.

    >>> days = [date(2017, month, day) for month, day in ((1, 31), (2, 28), (3, 31), (4, 30), (5, 15))]
    >>> {part: [day.month for day in found] for part, found in split_moments(days, 1, 9).items()}
    {'train': [1, 2], 'test': [3]}
    """
    known = {day for day in days if day == month_end_after(day, 0)}
    labelled = sorted(day for day in known if month_end_after(day, months) in known)
    if not labelled:
        return {"train": (), "test": ()}
    test = labelled[-1]
    train = [day for day in labelled if month_end_after(day, months) <= test]
    return {"train": tuple(train[-most:]), "test": (test,)}


class LabelledSetReader:
    """Reads one declared training set of an installation again and again: each read passes the consent filter.

    Rows are kept in memory between two reads and read anew after a table has changed. Nothing is written. Use it as a
    context manager.
    """

    def __init__(self, installation: Installation, spec: TrainingSpec, purpose: str, who: str) -> None:
        """Check the declaration and open the consent record.

        Args:
            installation: its tables, contracts, consent record and audit log.
            spec: the declaration of the set.
            purpose: what the set is used for.
            who: the user or service, named in the audit log.

        Raises:
            UnknownFeatureError: there is no such service or feature.
            AccessRefused: the service or a feature does not serve the purpose.
            FeatureError: a feature cannot be encoded, or the outcome is no date of a daily view.
            ConsentError: there is no consent record.
        """
        self._installation, self._spec, self._purpose, self._who = installation, spec, purpose, who
        self._catalog: FeatureCatalog = read_catalog(installation)
        self._features = require_purpose(self._catalog, spec.service, purpose, spec.others)
        self._encodings: tuple[FeatureEncoding, ...] = encodings_of(installation, self._catalog, spec, self._features)
        outcome = self._catalog.feature(spec.outcome.feature)
        self._view: FeatureView = self._catalog.view(outcome.view)
        if outcome.type is not FeatureType.TIMESTAMP or not self._view.is_daily:
            raise FeatureError(f"The outcome {outcome.reference} is no date of a view with one row a day.")
        for one in spec.only:
            if self._catalog.feature(one.feature).type not in (FeatureType.INT64, FeatureType.FLOAT64):
                raise FeatureError(f"The condition `at_least` needs a number, and {one.feature} is none.")
        self._consent = CustomerConsent(installation)
        self._kept: tuple[tuple[int | None, ...], dict[Part, LabelledSet]] = ((), {})

    def __enter__(self) -> LabelledSetReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the consent record, and forget the rows."""
        self._consent.close()
        self._kept = ((), {})

    @cached_property
    def columns(self) -> tuple[EncodedColumn, ...]:
        """Name and bounds of each feature column. They come from the declaration and the contracts alone."""
        return columns_of(self._encodings)

    def moments(self) -> dict[Part, tuple[date, ...]]:
        """Return the days of the training rows and the day of the test rows."""
        days = self._installation.lakehouse.select(self._view.table, f'DISTINCT "{self._view.event_time}" AS day')
        return split_moments(days["day"].to_pylist(), self._spec.outcome.within_months, self._spec.moments)

    def read(self, part: Part = "train", within: frozenset[str] | None = None) -> LabelledSet:
        """Return the rows of customers who permit the purpose at this moment. The read is in the audit log before.

        Args:
            part: rows for training, or those of the day that is kept for the test.
            within: only these customers; None takes all.

        Raises:
            LakehouseError: a table of the features does not exist.
            ConsentError: the consent record is missing or cannot be opened.
            AuditError: the read cannot be logged.
        """
        known = self._rows(part)
        customers = [one for one in known.customers if within is None or one in within]
        permitted = set(permitted_customers(self._installation, self._consent, customers, self._purpose))
        found = known.take(np.array([one in permitted for one in known.customer.tolist()], dtype=bool))
        log_training(
            self._installation, self._spec.service, self._purpose, self._who, self._features, len(permitted)
        )  # fmt: skip
        return found

    def _rows(self, part: Part) -> LabelledSet:
        tables = sorted({self._catalog.view(view).table for view in self._views()} | {self._view.table})
        versions = tuple(self._installation.lakehouse.version(table) for table in tables)
        if self._kept[0] != versions:
            self._kept = (versions, {})
        if part not in self._kept[1]:
            self._kept[1][part] = self._build(self.moments()[part])
        return self._kept[1][part]

    def _views(self) -> dict[str, list[str]]:
        """Return the features to read by view: those of the service, and those of the eligibility."""
        views: dict[str, list[str]] = {}
        for reference in (*self._features, *(one.feature for one in self._spec.only)):
            view, _, name = reference.partition(":")
            if name not in views.setdefault(view, []):
                views[view].append(name)
        return views

    def _build(self, days: Sequence[date]) -> LabelledSet:
        zone = ZoneInfo(self._installation.settings.time_zone)
        asked = self._outcomes(days, zone)
        known = _known_at(asked, {view: self._view_rows(view, names, zone) for view, names in self._views().items()})
        for one in self._spec.only:
            known = query(f'SELECT * FROM known WHERE "{one.feature}" >= $1', {"known": known}, [one.at_least])
        known = query(f"SELECT * FROM known ORDER BY day, {ENTITY}", {"known": known})
        values = {one.reference: known[one.reference] for one in self._encodings}
        happened = known["happened"].to_numpy(zero_copy_only=False).astype(bool)
        return LabelledSet(
            columns=self.columns,
            features=encode_all(self._encodings, values),
            target=(happened == self._spec.outcome.happens).astype(np.float64),
            customer=known[ENTITY].to_numpy(zero_copy_only=False),
            day=known["day"].to_numpy(zero_copy_only=False).astype("datetime64[D]"),
        )

    def _outcomes(self, days: Sequence[date], zone: ZoneInfo) -> pa.Table:
        """Return customer, day, the instant of its end, and whether the date moved on until the day of the outcome."""
        columns = [ENTITY, self._view.event_time, self._spec.outcome.feature.partition(":")[2]]
        history = self._installation.lakehouse.select(self._view.table, quoted(columns))
        history = history.rename_columns([ENTITY, "day", "value"])
        months = self._spec.outcome.within_months
        pairs = [(day, month_end_after(day, months), end_of_day(day, zone)) for day in days]
        moments = pa.table({
            "day": pa.array([one[0] for one in pairs], pa.date32()),
            "later": pa.array([one[1] for one in pairs], pa.date32()),
            EVENT_TIMESTAMP: pa.array([one[2] for one in pairs], INSTANT),
        })  # fmt: skip
        sql = f"""
            SELECT a.{ENTITY}, a.day, m.{EVENT_TIMESTAMP}, coalesce(b.value > a.day, false) AS happened
            FROM history a JOIN moments m USING (day) JOIN history b ON a.{ENTITY} = b.{ENTITY} AND b.day = m.later
        """
        return query(sql, {"history": history, "moments": moments})

    def _view_rows(self, name: str, features: Sequence[str], zone: ZoneInfo) -> pa.Table:
        view = self._catalog.view(name)
        source = ViewTable(view.table, view.event_time, view.is_daily)
        return read_rows(self._installation.lakehouse, source, features, zone)


def _known_at(asked: pa.Table, views: Mapping[str, pa.Table]) -> pa.Table:
    """Return each asked row with the newest values of each view that held at its moment, as columns `view:feature`."""
    columns, joins = [f"w.{name}" for name in asked.column_names], []
    sources = {"asked": asked}
    for place, (view, rows) in enumerate(views.items()):
        part = f"v{place}"
        sources[part] = rows
        on = f"w.{ENTITY} = {part}.{ENTITY} AND w.{EVENT_TIMESTAMP} >= {part}.{EVENT_TIMESTAMP}"
        joins.append(f"ASOF LEFT JOIN {part} ON {on}")
        own = [name for name in rows.column_names if name not in (ENTITY, EVENT_TIMESTAMP)]
        columns += [f'{part}."{name}" AS "{view}:{name}"' for name in own]
    return query(f"SELECT {', '.join(columns)} FROM asked w {' '.join(joins)}", sources)


def read_labelled_set(
    installation: Installation, spec: TrainingSpec, purpose: str, who: str, part: Part = "train"
) -> LabelledSet:
    """Return a labelled set once; raises as `LabelledSetReader`."""
    with closing(LabelledSetReader(installation, spec, purpose, who)) as reader:
        return reader.read(part)
