"""A shop whose customers' features are stored and served: each value says whose it is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from agent_serving.application import create_app
from agent_serving.services import open_api_keys
from features.definition import FeatureCatalog, FeatureType, FeatureView, read_catalog
from features.store.online_store import ValueKind, ViewSchema, microseconds_of
from features.store.opening import open_online_store
from installation.installation import Installation
from installation.settings import Settings, load_settings
from privacy.consent.record import ConsentRecord

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SERVICE, PURPOSE = "shopping_agent", "personalisation"
PERMITS, SILENT, WITHDREW = "c_permits", "c_silent", "c_withdrew"


class ServingShop:
    """An installation in a folder: customers' consents, their stored features, and API keys."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.moment = folder, NOW
        self.settings: Settings = load_settings(data_dir=folder, **settings)
        self.installation = Installation(self.settings, clock=lambda: self.moment)
        self.catalog: FeatureCatalog = read_catalog(self.installation)

    def close(self) -> None:
        """Close the installation."""
        self.installation.close()

    def state(self, customer: str, state: str, *, purpose: str = PURPOSE, after_hours: float = 0) -> None:
        """Put a statement of a customer on the consent record, that many hours after the first ones."""
        at = datetime(2026, 1, 1) + timedelta(hours=after_hours)
        record = ConsentRecord(
            record_id=f"r_{customer}_{state}_{purpose}_{after_hours}", subject_id=customer,
            controller=self.settings.controller, purpose=purpose, notice_version="1", notice_language="ko",
            jurisdiction="KR", method="web_form", state=state, effective_at=at, recorded_at=at, age_years=40,
            evidence_hash="0" * 64, asked="separately",
        )  # fmt: skip
        self.installation.consent_store.append([record])

    def store(self, customers: Iterable[str], *, age_hours: float = 1) -> None:
        """Write every feature of the customers, `age_hours` old."""
        names, at = list(customers), microseconds_of(self.moment - timedelta(hours=age_hours))
        with closing(open_online_store(self.installation, verify=False)) as online:
            for view in self.catalog.views.values():
                rows = [[value_of(f.type, f"{name}/{f.reference}") for f in view.features] for name in names]
                online.write(schema_of(view), names, [at] * len(names), rows)

    def key(self, *purposes: str, role: str = "agent", name: str = "web-shop", days: float | None = None) -> str:
        """Return a new API key for these purposes; without one, for `PURPOSE`."""
        until = None if days is None else self.moment + timedelta(days=days)
        with closing(open_api_keys(self.installation)) as keys:
            return keys.create(name, role, frozenset(purposes or {PURPOSE}), until)[1]


def fill(shop: ServingShop) -> None:
    """Add the three customers: one permits the purpose, one never said, one withdrew. All have features."""
    shop.state(PERMITS, "given")
    shop.state(WITHDREW, "given")
    shop.state(WITHDREW, "withdrawn", after_hours=1)
    shop.store((PERMITS, SILENT, WITHDREW))


@contextmanager
def served(shop: ServingShop, key: str | None = None) -> Iterator[httpx.Client]:
    """Serve the shop from a thread of this process; yield a client that sends the key, by default one of the shop."""
    headers = {"Authorization": f"Bearer {shop.key() if key is None else key}"}
    server = uvicorn.Server(uvicorn.Config(create_app(shop.installation), log_config=None, lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def schema_of(view: FeatureView) -> ViewSchema:
    """Return the stored form of a view."""
    return ViewSchema(view.name, tuple((f.name, _KINDS.get(f.type, ValueKind(f.type.value))) for f in view.features))


def value_of(kind: FeatureType, owner: str) -> Any:
    """Return a value that says whose it is, where its type can."""
    number = int.from_bytes(owner.encode()[-6:], "big")
    values: dict[FeatureType, Any] = {
        FeatureType.INT64: number, FeatureType.FLOAT64: number / 8, FeatureType.STRING: owner, FeatureType.BOOL: True,
        FeatureType.TIMESTAMP: datetime(2026, 1, 1), FeatureType.INT64_LIST: [number],
        FeatureType.FLOAT64_LIST: [number / 8], FeatureType.STRING_LIST: [owner],
    }  # fmt: skip
    return values[kind]


_KINDS = {FeatureType.TIMESTAMP: ValueKind.WALL_TIME}
