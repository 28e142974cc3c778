"""Feast's offline store over the Delta tables of the feature views, on one machine.

The tables are read in this process and joined by DuckDB, without copies on disk: an export would keep the data of
customers who were erased. Nothing is written: the pipeline builds the tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
from feast import FeatureView, ValueType
from feast.data_source import DataSource
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.type_map import pa_to_feast_value_type
from feast.utils import _get_requested_feature_views_to_features_dict, compute_non_entity_date_range
from pydantic import Field

from features.definition import ENTITY
from features.errors import FeatureError
from features.repo.view_rows import EVENT_TIMESTAMP, ViewTable, newest_of, query, read_rows
from installation.lakehouse.lakehouse import Lakehouse

_ROW = "__row"


class DeltaOfflineStoreConfig(FeastConfigBaseModel):
    """Where the tables are. `storage_options` are the credentials of an object store."""

    type: Literal["features.repo.offline_store.DeltaOfflineStore"] = "features.repo.offline_store.DeltaOfflineStore"
    root: str
    time_zone: str
    storage_options: dict[str, str] = Field(default_factory=dict)


class DeltaSource(DataSource):
    """The Delta table of a feature view as a source of Feast."""

    def __init__(self, *, name: str, table: ViewTable, description: str = "", owner: str = "") -> None:
        super().__init__(name=name, timestamp_field=EVENT_TIMESTAMP, description=description, owner=owner)
        self.table = table

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeltaSource) and (self.name, self.table) == (other.name, other.table)

    def __hash__(self) -> int:
        return hash((self.name, self.table))

    def source_type(self) -> DataSourceProto.SourceType.ValueType:
        """Return that this is no source of Feast's own."""
        return DataSourceProto.CUSTOM_SOURCE

    @staticmethod
    def from_proto(data_source: DataSourceProto) -> DeltaSource:
        """Return the source that the registry holds."""
        table = ViewTable(**json.loads(data_source.custom_options.configuration))
        name, description, owner = data_source.name, data_source.description, data_source.owner
        return DeltaSource(name=name, table=table, description=description, owner=owner)

    def _to_proto_impl(self) -> DataSourceProto:
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=f"{type(self).__module__}.{type(self).__name__}",
            custom_options=DataSourceProto.CustomSourceOptions(configuration=json.dumps(asdict(self.table)).encode()),
            timestamp_field=self.timestamp_field,
            description=self.description,
            owner=self.owner,
        )

    def validate(self, config: RepoConfig) -> None:
        """Check nothing: a view may be declared before its table is built."""

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        """Return what names Feast's type of an Arrow type."""
        return pa_to_feast_value_type


class TableJob(RetrievalJob):
    """Computes the result of a query when it is asked for."""

    def __init__(
        self,
        compute: Callable[[], pa.Table],
        views: Sequence[OnDemandFeatureView] = (),
        metadata: RetrievalMetadata | None = None,
        *,
        full_feature_names: bool = False,
    ) -> None:
        self._compute, self._views, self._metadata, self._full = compute, list(views), metadata, full_feature_names

    @property
    def full_feature_names(self) -> bool:
        """Whether the columns of features begin with the name of their view."""
        return self._full

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """The on-demand views that Feast adds to the result."""
        return self._views

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """The features and keys of the query."""
        return self._metadata

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._compute()

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return pd.DataFrame(self._compute().to_pandas())


class DeltaOfflineStore(OfflineStore):
    """Reads feature views from their Delta tables: their newest rows, all rows, or those known at given moments."""

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """Return the newest row of each customer within a period."""
        return TableJob(
            lambda: newest_of(_within(_rows(config, data_source, feature_name_columns), start_date, end_date))
        )

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """Return all rows of a period."""
        return TableJob(lambda: _within(_rows(config, data_source, feature_name_columns), start_date, end_date))

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        **kwargs: Any,
    ) -> RetrievalJob:
        """Return for each row of `entity_df`, a customer and a moment, the features that were known at the moment.

        Without `entity_df`, return each customer with the features known at `end_date`.

        Raises:
            FeatureError: `entity_df` is no data frame.
        """
        on_demand = OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry)
        chosen, _ = _get_requested_feature_views_to_features_dict(feature_refs, feature_views, on_demand)
        if isinstance(entity_df, str):
            raise FeatureError("entity_df is a text; expected a data frame with customer_id and event_timestamp.")
        clock = EVENT_TIMESTAMP if entity_df is None else infer_event_timestamp_from_entity_df(dict(entity_df.dtypes))

        def compute() -> pa.Table:
            tables = {view: _rows(config, view.batch_source, names) for view, names in chosen.items()}
            if entity_df is None:
                _, end = compute_non_entity_date_range(
                    feature_views, start_date=kwargs.get("start_date"), end_date=kwargs.get("end_date")
                )
                wanted = _everyone(tables.values(), end)
            else:
                wanted = pa.Table.from_pandas(_in_utc(entity_df, clock), preserve_index=False)
            return _known_at(wanted, clock, tables, chosen, full_feature_names=full_feature_names)

        keys = [ENTITY] if entity_df is None else [name for name in entity_df.columns if name != clock]
        metadata = RetrievalMetadata(features=feature_refs, keys=keys)
        return TableJob(compute, on_demand, metadata, full_feature_names=full_feature_names)


def _rows(config: RepoConfig, source: DataSource | None, features: Sequence[str]) -> pa.Table:
    if not isinstance(source, DeltaSource):
        raise FeatureError(f"The source of a feature view is {type(source).__name__}; expected DeltaSource.")
    store: DeltaOfflineStoreConfig = config.offline_store
    lakehouse = Lakehouse(store.root, store.storage_options)
    return read_rows(lakehouse, source.table, features, ZoneInfo(store.time_zone))


def _within(rows: pa.Table, start: datetime | None, end: datetime | None) -> pa.Table:
    bounds = [f"{EVENT_TIMESTAMP} {sign} $" for sign, bound in ((">=", start), ("<=", end)) if bound is not None]
    found = [bound for bound in (start, end) if bound is not None]
    condition = " AND ".join(f"{bound}{place + 1}" for place, bound in enumerate(bounds)) or "true"
    return query(f"SELECT * FROM rows WHERE {condition}", {"rows": rows}, found)


def _everyone(tables: Iterable[pa.Table], moment: datetime) -> pa.Table:
    customers = pa.concat_tables([rows.select([ENTITY]) for rows in tables])
    return query(f"SELECT DISTINCT {ENTITY}, $1::TIMESTAMPTZ AS {EVENT_TIMESTAMP} FROM c", {"c": customers}, [moment])


def _in_utc(entity_df: pd.DataFrame, clock: str) -> pd.DataFrame:
    return entity_df.assign(**{clock: pd.to_datetime(entity_df[clock], utc=True).dt.as_unit("us")})


def _known_at(
    wanted: pa.Table,
    clock: str,
    tables: dict[FeatureView, pa.Table],
    chosen: dict[FeatureView, list[str]],
    *,
    full_feature_names: bool,
) -> pa.Table:
    """Return each wanted row with the newest row of each view that holds from its moment or earlier."""
    numbered = wanted.append_column(_ROW, pa.array(range(wanted.num_rows), pa.int64()))
    columns, joins, sources = [], [], {"wanted": numbered}
    for place, (view, rows) in enumerate(tables.items()):
        part = f"v{place}"
        sources[part] = rows
        key = view.projection.join_key_map.get(ENTITY, ENTITY)
        joins.append(
            f'ASOF LEFT JOIN {part} ON w."{key}" = {part}.{ENTITY} AND w."{clock}" >= {part}.{EVENT_TIMESTAMP}'
        )
        ttl = (view.ttl or timedelta(0)) // timedelta(microseconds=1)
        fresh = f"date_diff('microsecond', {part}.{EVENT_TIMESTAMP}, w.\"{clock}\") <= {ttl}"
        for name in chosen[view]:
            shown = f"{view.projection.name_alias or view.name}__{name}" if full_feature_names else name
            value = f'{part}."{name}"' if not ttl else f'CASE WHEN {fresh} THEN {part}."{name}" END'
            columns.append(f'{value} AS "{shown}"')
    own = [f'w."{name}"' for name in wanted.column_names]
    return query(f"SELECT {', '.join([*own, *columns])} FROM wanted w {' '.join(joins)} ORDER BY w.{_ROW}", sources)
