"""The Delta table of a feature view as a source of Feast's Spark store, for the engine `spark` or an endpoint.

Feast uses the active session of the process, so a program opens the engine first. Sail cannot execute its queries.
"""

from __future__ import annotations

from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource

from features.definition import ENTITY, Feature, FeatureType, FeatureView
from features.repo.view_rows import EVENT_TIMESTAMP
from installation.lakehouse.lakehouse import Lakehouse

_SPARK_TYPES = {
    FeatureType.INT64: "bigint",
    FeatureType.FLOAT64: "double",
    FeatureType.STRING: "string",
    FeatureType.BOOL: "boolean",
    FeatureType.INT64_LIST: "array<bigint>",
    FeatureType.FLOAT64_LIST: "array<double>",
    FeatureType.STRING_LIST: "array<string>",
}


def spark_source(view: FeatureView, lakehouse: Lakehouse, time_zone: str) -> SparkSource:
    """Return the source whose query gives customer, event time as an instant, and the features in their types.

    A day that has not ended holds from now on, as far as a training set is concerned.
    """
    columns = ", ".join([f"`{ENTITY}`", *map(_column, view.features)])
    local = f"date_add(`{view.event_time}`, 1)" if view.is_daily else f"CAST(`{view.event_time}` AS timestamp_ntz)"
    instant = f"CAST(concat(CAST(CAST({local} AS timestamp_ntz) AS string), ' {time_zone}') AS timestamp)"
    rows = f"delta.`{lakehouse.path(view.table)}`"
    query = f"SELECT {columns}, least({instant}, current_timestamp()) AS {EVENT_TIMESTAMP} FROM {rows}"
    return SparkSource(name=view.table, query=query, timestamp_field=EVENT_TIMESTAMP, description=view.description)


def _column(feature: Feature) -> str:
    moment = "timestamp_ntz" if feature.is_wall_time else "timestamp"
    return f"CAST(`{feature.name}` AS {_SPARK_TYPES.get(feature.type, moment)}) AS `{feature.name}`"
