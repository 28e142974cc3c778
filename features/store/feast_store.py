"""Feast's online store over those of this package: the plug-in for `get_online_features`, `push`, `materialize`.

It knows no consent. Services and persons get values by `features.retrieval` only.

    online_store:
      type: features.store.feast_store.BojagiOnlineStore
      location: data/online        # a folder, or with is_server the private file with the URL of a Redis
      is_server: false
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa
from feast import Entity, FeatureView, utils
from feast.infra.online_stores.online_store import OnlineStore as FeastOnlineStore
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.protos.feast.types.EntityKey_pb2 import EntityKey as EntityKeyProto
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.repo_config import FeastConfigBaseModel, RepoConfig

from features.definition import ENTITY
from features.store.errors import ValueRefused
from features.store.feast_value import INSTANT, decoder_of, encoder_of, kind_of, values_of
from features.store.merge import paused_collector
from features.store.online_store import OnlineStore, StoredRow, ViewSchema, microseconds_of
from features.store.opening import open_location

Row = tuple[EntityKeyProto, dict[str, ValueProto], datetime, datetime | None]
Found = tuple[datetime | None, dict[str, ValueProto] | None]
TYPE = "features.store.feast_store.BojagiOnlineStore"
# Rows of one write: their values are Python objects at once.
_BATCH = 20_000


class BojagiOnlineStoreConfig(FeastConfigBaseModel):
    """Where the store is: a folder, or a private file with the URL of a server."""

    type: Literal["features.store.feast_store.BojagiOnlineStore"] = "features.store.feast_store.BojagiOnlineStore"
    location: str
    is_server: bool = False


class BojagiOnlineStore(FeastOnlineStore):
    """Feast's feature views in an online store of this package. The entity of each view is the customer."""

    def __init__(self) -> None:
        """Open nothing yet: Feast passes the settings with each call."""
        self._opened: dict[tuple[str, bool, str], OnlineStore] = {}

    def online_write_batch(
        self, config: RepoConfig, table: FeatureView, data: list[Row], progress: Callable[[int], Any] | None
    ) -> None:
        """Write rows of a view. A row with an older event time than the stored one is left out.

        Raises:
            ValueRefused: the view has another entity, or a value is of another type than its field.
        """
        decoders = [decoder_of(table.name, field) for field in table.features]
        rows = [[decode(values) for decode in decoders] for _, values, _, _ in data]
        times = [microseconds_of(event_time) for _, _, event_time, _ in data]
        self._store(config).write(schema_of(table), [_customer_of(key) for key, *_ in data], times, rows)
        if progress:
            progress(len(data))

    def write_arrow(self, config: RepoConfig, table: FeatureView, rows: pa.Table) -> None:
        """Write rows of a view from an Arrow table, without Feast's values in between.

        Raises:
            ValueRefused: the view has another entity, or a value is of another type than its field.
        """
        schema = schema_of(table)
        source, store = table.batch_source, self._store(config)
        if source is None:
            raise ValueRefused(f"The feature view {table.name} has no batch source; expected one with an event time.")
        for batch in rows.to_batches(max_chunksize=_BATCH):
            with paused_collector():
                times = batch[source.timestamp_field].cast(INSTANT).cast(pa.int64()).to_pylist()
                columns = [values_of(batch[name], kind) for name, kind in schema.columns]
                store.write(schema, batch[ENTITY].to_pylist(), times, list(zip(*columns, strict=True)))

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKeyProto],
        requested_features: list[str] | None = None,
    ) -> list[Found]:
        """Return event time and values of each entity; (None, None) where nothing is stored."""
        rows = self._store(config).read([_customer_of(key) for key in entity_keys], [table.name])
        return _found(table, rows, requested_features)

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Delete the values of views that are gone. New views need no preparation.

        Raises:
            ValueRefused: a view has another entity than the customer, or a feature of a type that is not stored.
        """
        for table in tables_to_keep:
            schema_of(table)
        self._drop(config, tables_to_delete)

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Delete the values of all these views."""
        self._drop(config, tables)

    def _drop(self, config: RepoConfig, tables: Sequence[FeatureView]) -> None:
        if names := [table.name for table in tables]:
            store = self._store(config)
            store.drop(names)
            store.compact()

    def _read_features_per_fv(
        self,
        config: RepoConfig,
        grouped_refs: list[tuple[FeatureView, list[str]]],
        join_key_values: dict[str, list[ValueProto]],
        entity_name_to_join_key_map: dict[str, str],
        online_features_response: GetOnlineFeaturesResponse,
        full_feature_names: bool,
        include_feature_view_version_metadata: bool,
    ) -> None:
        """Read all views of a request at once, where Feast reads one after another."""
        known: dict[tuple[str, ...], list[StoredRow | None]] = {}
        names = [table.name for table, _ in grouped_refs]
        for table, requested in grouped_refs:
            entities, places, count = utils._get_unique_entities(table, join_key_values, entity_name_to_join_key_map)
            customers = tuple(map(_customer_of, utils._get_entity_key_protos(entities)))
            if customers not in known:
                known[customers] = self._store(config).read(customers, names)
            found = _found(table, known[customers], requested)
            utils._populate_response_from_feature_data(
                requested, found, places, online_features_response, full_feature_names, table, count,
                include_feature_view_version_metadata,
            )  # fmt: skip

    def _store(self, config: RepoConfig) -> OnlineStore:
        settings = config.online_store
        key = (settings.location, settings.is_server, config.project)
        if key not in self._opened:
            location, is_server, project = key
            self._opened[key] = open_location(location, project, is_server=is_server)
        return self._opened[key]


def schema_of(table: FeatureView) -> ViewSchema:
    """Return the names and kinds of a view's features in the online store.

    Raises:
        ValueRefused: the view has another entity than the customer, or a feature of a type that is not stored.
    """
    keys = [field.name for field in table.entity_columns]
    if keys != [ENTITY]:
        raise ValueRefused(f"The feature view {table.name} has the keys {', '.join(keys)}; expected {ENTITY}.")
    return ViewSchema(table.name, tuple((field.name, kind_of(field)) for field in table.features))


def _customer_of(key: EntityKeyProto) -> str:
    if list(key.join_keys) != [ENTITY] or key.entity_values[0].WhichOneof("val") != "string_val":
        raise ValueRefused(f"The online store has rows of customers; expected a text as {ENTITY}.")
    return str(key.entity_values[0].string_val)


def _found(table: FeatureView, rows: Iterable[StoredRow | None], requested: list[str] | None) -> list[Found]:
    fields = {field.name: encoder_of(field) for field in table.features}
    wanted = {name: fields[name] for name in requested or fields if name in fields}
    found: list[Found] = []
    for row in rows:
        view = None if row is None else row.get(table.name)
        if view is None:
            found.append((None, None))
            continue
        pairs = zip(view.schema.names, view.values, strict=True)
        found.append((view.event_time, {name: wanted[name](value) for name, value in pairs if name in wanted}))
    return found
