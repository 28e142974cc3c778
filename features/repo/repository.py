"""Opens Feast's feature store over an installation, and registers what the contracts declare.

    DATA/feature_repo/registry.db          Feast's registry: declarations, no values
    DATA/feature_repo/feature_store.yaml   settings for the programs of Feast, such as `feast ui`

Feast's feature server knows no consent, so it is off. Services and persons get values by `features.retrieval` only.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any
from warnings import catch_warnings, simplefilter

import yaml
from feast import FeatureService, FeatureStore, RepoConfig
from feast import FeatureView as FeastView
from feast.data_source import DataSource
from feast.on_demand_feature_view import OnDemandFeatureView

from features.definition import FeatureView, read_catalog
from features.repo.feast_object import feast_objects
from features.repo.offline_store import DeltaSource
from features.repo.push import PUSHED
from features.repo.registration import note_registered, repository_folder
from features.repo.view_rows import ViewTable
from features.store.opening import open_online_store
from installation.installation import Installation
from privacy.storage.atomic_file import PRIVATE_FOLDER_MODE, replace_private

EMBEDDED_ENGINE = "sail"
"""Engine whose installations use the offline store on one machine. The others use Feast's Spark store."""
_Registered = FeastView | OnDemandFeatureView | FeatureService


@dataclass(frozen=True)
class ApplyReport:
    """The names of views and services that a registration added, changed or removed."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def open_feature_store(installation: Installation) -> FeatureStore:
    """Return Feast's store over the installation's tables and its online store, for pipelines and experiments.

    On another engine than Sail, open the engine before a training set is read.
    """
    return FeatureStore(config=RepoConfig(**_config(installation, storage=installation.settings.storage_options)))


def apply_features(installation: Installation) -> ApplyReport:
    """Register the views and services of the contracts with Feast, and remove those that are gone, with their values.

    Raises:
        ContractError: a feature view or service is faulty.
        StoreError: the online store cannot be opened or written.
    """
    catalog, folder = read_catalog(installation), repository_folder(installation)
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER_MODE)
    replace_private(folder / "feature_store.yaml", yaml.safe_dump(_config(installation), sort_keys=False))
    store = open_feature_store(installation)
    with catch_warnings():
        # Feast warns of on-demand views and of its Spark source, which it calls experimental.
        simplefilter("ignore", RuntimeWarning)
        before = _registered(store)
        objects = feast_objects(catalog, partial(_source, installation))
        after = {one.name: one for one in objects if isinstance(one, _Registered)}
        gone = [one for name, one in before.items() if name not in after]
        # Feast drops the values of these views itself.
        if pushed := [one.name + PUSHED for one in gone if isinstance(one, FeastView)]:
            with closing(open_online_store(installation)) as online:
                online.drop(pushed)
        store.apply(objects, objects_to_delete=[*gone], partial=False)
    note_registered(installation, catalog)
    changed = [name for name, one in after.items() if name in before and _content(before[name]) != _content(one)]
    added = [name for name in after if name not in before]
    return ApplyReport(tuple(added), tuple(changed), tuple(one.name for one in gone))


def _config(installation: Installation, storage: dict[str, str] | None = None) -> dict[str, Any]:
    settings = installation.settings
    offline = {
        "type": "features.repo.offline_store.DeltaOfflineStore",
        "root": settings.lakehouse_root,
        "time_zone": settings.time_zone,
        "storage_options": storage or {},
    }
    return {
        "project": settings.feature_project,
        "provider": "local",
        "registry": str(repository_folder(installation) / "registry.db"),
        "offline_store": offline if settings.engine == EMBEDDED_ENGINE else {"type": "spark"},
        "online_store": {
            "type": "features.store.feast_store.BojagiOnlineStore",
            "location": str(settings.online_redis_file or settings.online_dir),
            "is_server": settings.online_redis_file is not None,
        },
        "batch_engine": {"type": "features.store.feast_engine.ArrowEngine"},
        "materialization": {"pull_latest_features": True},
        "entity_key_serialization_version": 3,
    }


def _source(installation: Installation, view: FeatureView) -> DataSource:
    if installation.settings.engine != EMBEDDED_ENGINE:
        # Imported here, because it loads PySpark.
        from features.repo.spark_source import spark_source

        return spark_source(view, installation.lakehouse, installation.settings.time_zone)
    table = ViewTable(view.table, view.event_time, view.is_daily)
    owner = view.features[0].owner if view.features else ""
    return DeltaSource(name=view.table, table=table, description=view.description, owner=owner)


def _registered(store: FeatureStore) -> dict[str, _Registered]:
    found: list[_Registered] = [
        *store.list_batch_feature_views(),
        *store.list_on_demand_feature_views(),
        *store.list_feature_services(),
    ]
    return {one.name: one for one in found}


def _content(one: _Registered) -> Any:
    """Return what a declaration says, without the times at which it was registered."""
    if isinstance(one, FeatureService):
        return one.description, one.tags, [(p.name, [f.name for f in p.features]) for p in one.feature_view_projections]
    fields = {(f.name, str(f.dtype), f.description, tuple(sorted(f.tags.items()))) for f in one.features}
    return one.description, one.tags, fields, getattr(one, "ttl", None)
