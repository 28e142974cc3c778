"""An installation whose customers have consents and stored features, made for the figures of a size."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from features.definition import Feature, FeatureCatalog, FeatureType, read_catalog
from features.store.online_store import ValueKind, ViewSchema, microseconds_of
from features.store.opening import open_online_store
from installation.installation import Installation
from installation.settings import load_settings
from privacy.clock import utc_now
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State

SERVICE, PURPOSE, ROLE, FEATURES = "bench", "personalisation", "agent", 20
PERMITTING = 0.9
_READABLE = frozenset({"customer_purchase_behaviour", "customer_temporal_pattern", "customer_product_preference"})


def open_market(folder: Path, customers: int) -> tuple[Installation, list[str]]:
    """Make an installation in a folder, with a service of 20 features; return it and the customer ids.

    Nine of ten customers permit the purpose. `folder/bojagi.toml` are its settings.
    """
    contracts = folder / "contract"
    contracts.mkdir(parents=True)
    http = "[http]\nport = 0\nrequests_per_minute = 1000000000\n"
    (folder / "bojagi.toml").write_text(f'data_dir = "{folder}/data"\ncontract_dirs = ["{contracts}"]\n{http}')
    with Installation(load_settings(folder / "bojagi.toml")) as plain:
        chosen = choose_features(read_catalog(plain))
    service: dict[str, Any] = {
        "name": SERVICE,
        "description": "Twenty features.",
        "purposes": [PURPOSE],
        "features": {},
    }
    for feature in chosen:
        service["features"].setdefault(feature.view, []).append(feature.name)
    (contracts / "bench.service.yaml").write_text(yaml.safe_dump(service, sort_keys=False))
    installation = Installation(load_settings(folder / "bojagi.toml"))
    names = [f"c_{number:032x}" for number in range(customers)]
    _state(installation, names)
    _store(installation, names)
    return installation, names


def choose_features(catalog: FeatureCatalog) -> list[Feature]:
    """Return the first 20 features of purchases that the purpose may use."""
    views = (view for name, view in catalog.views.items() if name in _READABLE)
    return list(islice((f for view in views for f in view.features if PURPOSE in f.purposes), FEATURES))


def _state(installation: Installation, names: list[str]) -> None:
    rng, at = np.random.default_rng(18), installation.shop_time() - timedelta(days=30)
    permitting = rng.random(len(names)) < PERMITTING
    installation.consent_store.append(
        ConsentRecord(
            record_id=f"r_{name}", subject_id=name, controller=installation.settings.controller, purpose=PURPOSE,
            notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form",
            state=State.GIVEN if permits else State.REFUSED, effective_at=at, recorded_at=at, age_years=40,
            evidence_hash="0" * 64, asked="separately",
        )
        for name, permits in zip(names, permitting, strict=True)
    )  # fmt: skip


def _store(installation: Installation, names: list[str]) -> None:
    at, rng = microseconds_of(utc_now()), np.random.default_rng(58)
    with closing(open_online_store(installation, verify=False)) as store:
        for name, view in read_catalog(installation).views.items():
            if name not in _READABLE:
                continue
            columns = [_draw(f.type, rng, len(names)) for f in view.features]
            schema = ViewSchema(name, tuple((f.name, _kind(f.type)) for f in view.features))
            store.write(schema, names, [at] * len(names), list(zip(*columns, strict=True)))


def _kind(kind: FeatureType) -> ValueKind:
    return ValueKind.WALL_TIME if kind is FeatureType.TIMESTAMP else ValueKind(kind.value)


def _draw(kind: FeatureType, rng: np.random.Generator, count: int) -> list[Any]:
    if kind is FeatureType.FLOAT64:
        return list(rng.normal(100, 30, count).tolist())
    if kind is FeatureType.BOOL:
        return list((rng.random(count) < 0.5).tolist())
    if kind is FeatureType.STRING:
        return [f"value {number}" for number in rng.integers(0, 500, count)]
    if kind is FeatureType.TIMESTAMP:
        return [datetime(2026, 1, 1) + timedelta(days=int(n)) for n in rng.integers(0, 300, count)]
    numbers = rng.integers(0, 1000, count).tolist()
    return numbers if kind is FeatureType.INT64 else [[number] for number in numbers]
