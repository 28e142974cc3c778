"""Feast's own store and reads, on the values that Bojagi serves."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Bool, Float64, Int64, String
from feast.value_type import ValueType

from features.definition import FeatureType
from features.definition import FeatureView as View

_TYPES = {
    FeatureType.INT64: Int64, FeatureType.FLOAT64: Float64, FeatureType.STRING: String, FeatureType.BOOL: Bool,
}  # fmt: skip


class FeastPeer:
    """A Feast repository with an SQLite online store, and a feature service of the first features of each view."""

    def __init__(self, folder: Path, views: Sequence[View], features_a_view: int) -> None:
        logging.getLogger("feast").setLevel(logging.ERROR)
        warnings.simplefilter("ignore")
        self._folder, self._views = folder, views
        config = RepoConfig(
            registry=str(folder / "feast_registry.db"), project="bench", provider="local",
            online_store={"type": "sqlite", "path": str(folder / "feast_online.db")},
            entity_key_serialization_version=3,
        )  # fmt: skip
        self._store = FeatureStore(config=config)
        entity = Entity(name="customer_id", join_keys=["customer_id"], value_type=ValueType.STRING)
        key = Field(name="customer_id", dtype=String)
        source = str(folder / "empty.parquet")
        pd.DataFrame({"customer_id": ["c"], "at": [datetime(2026, 1, 1)]}).to_parquet(source)
        made = [
            FeatureView(
                name=view.name, entities=[entity], source=FileSource(path=source, timestamp_field="at"), online=True,
                schema=[key, *(Field(name=f.name, dtype=_TYPES[f.type]) for f in view.features)],
            )
            for view in views
        ]  # fmt: skip
        chosen = [
            view[[f.name for f in described.features[:features_a_view]]]
            for view, described in zip(made, views, strict=True)
        ]
        self._service = FeatureService(name="bench", features=chosen)
        self._store.apply([entity, *made, self._service])

    def write(self, customers: Sequence[str], rows: dict[str, list[list[Any]]], at: datetime) -> None:
        """Write the first rows, which are those of these customers."""
        for view in self._views:
            names = [f.name for f in view.features]
            frame = pd.DataFrame(rows[view.name][: len(customers)], columns=names)
            frame.insert(0, "customer_id", list(customers))
            self._store.write_to_online_store(view.name, frame.assign(at=at))

    def read(self, customers: Sequence[str]) -> object:
        """Return the features of the service."""
        rows = [{"customer_id": name} for name in customers]
        return self._store.get_online_features(features=self._service, entity_rows=rows).to_dict()
