"""Makes Feast's objects from the catalog of features. There is no second declaration: the contracts are the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureService, FeatureView, Field, PushSource, RequestSource, ValueType
from feast.data_source import DataSource
from feast.feast_object import FeastObject
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.transformation.pandas_transformation import PandasTransformation
from feast.types import Array, Bool, FeastType, Float64, Int64, String, UnixTimestamp

from features import definition
from features.definition import ENTITY, Feature, FeatureCatalog, FeatureType

FEAST_TYPES: dict[FeatureType, FeastType] = {
    FeatureType.INT64: Int64,
    FeatureType.FLOAT64: Float64,
    FeatureType.STRING: String,
    FeatureType.BOOL: Bool,
    FeatureType.TIMESTAMP: UnixTimestamp,
    FeatureType.INT64_LIST: Array(Int64),
    FeatureType.FLOAT64_LIST: Array(Float64),
    FeatureType.STRING_LIST: Array(String),
}
NOW = RequestSource(
    name="shop_time", schema=[Field(name="now", dtype=UnixTimestamp)], description="The shop's local time, now."
)

SourceOf = Callable[[definition.FeatureView], DataSource]
"""Returns the source of the rows of a view, for the offline store in use."""


def feast_objects(catalog: FeatureCatalog, source_of: SourceOf) -> list[FeastObject]:
    """Return the entity, the views, an on-demand view for each view with local times, and the services."""
    customer = Entity(name="customer", join_keys=[ENTITY], value_type=ValueType.STRING, description="A customer.")
    views = {view.name: _view(view, customer, source_of(view)) for view in catalog.views.values()}
    ages = [age for view in catalog.views.values() for age in _ages(view, views[view.name])]
    services = [_service(service, views) for service in catalog.services.values()]
    return [customer, *views.values(), *ages, *services]


def _view(view: definition.FeatureView, customer: Entity, source: DataSource) -> FeatureView:
    return FeatureView(
        name=view.name,
        entities=[customer],
        schema=[Field(name=ENTITY, dtype=String), *map(_field, view.features)],
        source=PushSource(name=f"{view.name}_push", batch_source=source),
        # No limit: the history has a row a month, and a training set takes the newest one that was known. How old a
        # served value may be is checked by `features.retrieval`.
        ttl=timedelta(0),
        description=view.description,
        owner=view.features[0].owner if view.features else "",
        tags={"table": view.table},
    )


def _field(feature: Feature) -> Field:
    given = {
        "window": feature.window,
        "unit": feature.unit,
        "purposes": ",".join(sorted(feature.purposes)),
        # Read by the online store, see `features.store.feast_value`.
        "kind": "wall_time" if feature.is_wall_time else None,
    }
    tags = {name: value for name, value in given.items() if value}
    return Field(name=feature.name, dtype=FEAST_TYPES[feature.type], description=feature.definition, tags=tags)


def _ages(view: definition.FeatureView, source: FeatureView) -> Iterator[OnDemandFeatureView]:
    """Yield the view `<view>_age`: for each local time of a view, the days from it until the request's `now`."""
    names = [f.name for f in view.features if f.type is FeatureType.TIMESTAMP and f.is_wall_time]
    if not names:
        return

    def ages(inputs: pd.DataFrame) -> pd.DataFrame:
        now = pd.to_datetime(inputs["now"], utc=True)
        found = pd.DataFrame(index=inputs.index)
        for name in names:
            found[f"{name}_age_days"] = (now - pd.to_datetime(inputs[name], utc=True)) / pd.Timedelta(days=1)
        return found

    yield OnDemandFeatureView(
        name=f"{view.name}_age",
        sources=[source, NOW],
        # Feast compares them with fields that it infers, which have neither description nor tags.
        schema=[Field(name=f"{name}_age_days", dtype=Float64) for name in names],
        feature_transformation=PandasTransformation(ages, f"days from {', '.join(names)} until now"),
        mode="pandas",
        description=f"Days from each local time of {view.name} until the time of the request.",
    )


def _service(service: definition.FeatureService, views: dict[str, FeatureView]) -> FeatureService:
    by_view: dict[str, list[str]] = {}
    for reference in service.features:
        view, _, name = reference.partition(":")
        by_view.setdefault(view, []).append(name)
    return FeatureService(
        name=service.name,
        features=[views[view][names] for view, names in by_view.items()],
        description=service.description,
        tags={"purposes": ",".join(sorted(service.purposes))},
    )
