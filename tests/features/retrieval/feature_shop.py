"""A shop with two feature views of its own, whose features may be used for different purposes.

Every stored value says whose it is, so that a test finds a value of another customer.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from features.definition import FeatureCatalog, read_catalog
from features.retrieval.answer import Caller
from features.retrieval.customer_consent import CustomerConsent
from features.retrieval.reader import FeatureReader
from features.store.online_store import ValueKind, ViewSchema, microseconds_of
from features.store.opening import open_online_store
from installation.contract.built_in import BUILT_IN
from installation.contract.document import Contracts, load_contracts
from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State
from privacy.shared_audit_log import SharedAuditLog

ZONE = ZoneInfo("Asia/Seoul")
NOON = datetime(2026, 5, 4, 12)
"""Wall time of the shop."""
SERVICE, PURPOSE = "sample", "personalisation"
AGENT, OFFICER = Caller("web-shop", "agent"), Caller("officer", "privacy_officer")
FRESH = timedelta(hours=48)
DUTIES = {
    "service_delivery": "contract", "legal_records": "legal_duty", "identity_resolution": "legitimate_interest",
    "quality_assurance": "legitimate_interest",
}  # fmt: skip
PURPOSES = (*DUTIES, "analytics", "personalisation", "marketing", "research")
FEATURES: dict[str, tuple[frozenset[str], timedelta | None]] = {
    "taste:top_shelf": (frozenset(PURPOSES), FRESH),
    "trade:order_count": (frozenset(PURPOSES), None),
    "taste:colour": (frozenset({"personalisation", "marketing"}), FRESH),
    "trade:basket": (frozenset({"analytics", "research", "personalisation"}), None),
    "trade:income": (frozenset(PURPOSES), None),
    "taste:last_visit": (frozenset({"service_delivery", "quality_assurance", "personalisation"}), FRESH),
}
"""Purposes and freshness of the features, in the order of the service; beside the contracts for independence."""
COLUMNS = {
    "taste": [("top_shelf", "string", ValueKind.STRING, "pd:Purchase"),
              ("colour", "string", ValueKind.STRING, "pd:Purchase"),
              ("last_visit", "timestamp", ValueKind.WALL_TIME, "pd:Purchase")],
    "trade": [("order_count", "bigint", ValueKind.INT64, "pd:Purchase"),
              ("basket", "double", ValueKind.FLOAT64, "pd:Purchase"),
              ("income", "bigint", ValueKind.INT64, "pd:Income")],
}  # fmt: skip
"""Name, type in the contract, type in the store and data category of the features of each view."""
_LOGICAL = {"string": "string", "timestamp": "timestamp", "bigint": "integer", "double": "number"}


class FeatureShop:
    """An installation in a folder. `moment` is its clock, as the shop's wall time."""

    def __init__(self, folder: Path) -> None:
        self.moment = NOON
        settings = load_settings(data_dir=folder, contract_dirs=[contract_folder()], time_zone="Asia/Seoul")
        self.installation = Installation(settings, clock=lambda: self.moment.replace(tzinfo=ZONE).astimezone(UTC))
        # Loaded once for all shops, since it takes most of a test's time.
        self.installation.__dict__["contracts"] = _contracts()
        self.consents = self.installation.consent_store
        self._records = 0

    @property
    def catalog(self) -> FeatureCatalog:
        """The features of the shop."""
        return read_catalog(self.installation)

    def open(self) -> FeatureReader:
        """Return a reader of the shop, as `FeatureReader.open` but without the check of all rows in another process."""
        store = open_online_store(self.installation, verify=False)
        audit = SharedAuditLog(self.installation.open_audit_log())
        return FeatureReader(self.installation, store, CustomerConsent(self.installation), audit)

    def close(self) -> None:
        """Close the installation."""
        self.installation.close()

    def state(self, customer: str, state: str, purpose: str = PURPOSE, at: datetime = NOON - timedelta(days=9)) -> None:
        """Put a statement of a customer on the consent record."""
        self._records += 1
        record = ConsentRecord(
            record_id=f"r_{customer}_{self._records}", subject_id=customer, controller="Bojagi Mart", purpose=purpose,
            notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form", state=State(state),
            effective_at=at, recorded_at=at, age_years=40, evidence_hash="0" * 64, asked="separately",
        )  # fmt: skip
        self.consents.append([record])

    def store(
        self,
        customers: Iterable[str],
        views: Iterable[str] = tuple(COLUMNS),
        at: datetime = NOON,
        value: Callable[[str, str], Any] | None = None,
    ) -> None:
        """Store views of customers, as they were at a wall time. `value` replaces `value_of`."""
        names, value = list(customers), value or value_of
        event_time_us = microseconds_of(at.replace(tzinfo=ZONE))
        with closing(open_online_store(self.installation, verify=False)) as online:
            for view in views:
                schema = ViewSchema(view, tuple((name, kind) for name, _, kind, _ in COLUMNS[view]))
                rows = [[value(customer, f"{view}:{name}") for name in schema.names] for customer in names]
                online.write(schema, names, [event_time_us] * len(names), rows)


def value_of(customer: str, feature: str) -> Any:
    """Return the stored value, which says whose it is and of which feature."""
    view, _, name = feature.partition(":")
    kind = next(kind for column, _, kind, _ in COLUMNS[view] if column == name)
    number = int.from_bytes(f"{customer}{name[:2]}".encode()[-7:], "big")
    return {
        ValueKind.STRING: f"{customer}/{feature}", ValueKind.INT64: number, ValueKind.FLOAT64: number / 8,
        ValueKind.WALL_TIME: datetime(2000, 1, 1) + timedelta(seconds=number % 10**9),
    }[kind]  # fmt: skip


@cache
def contract_folder() -> Path:
    """Return a folder with the contracts of the two views and the service."""
    folder = Path(tempfile.mkdtemp(prefix="bojagi-contracts-"))
    atexit.register(shutil.rmtree, folder)
    for view in COLUMNS:
        (folder / f"gold_{view}.odcs.yaml").write_text(yaml.safe_dump(_contract(view)), "utf-8")
    chosen: dict[str, list[str]] = {}
    for feature in FEATURES:
        chosen.setdefault(feature.partition(":")[0], []).append(feature.partition(":")[2])
    service = {"name": SERVICE, "description": "All of it.", "purposes": list(PURPOSES), "features": chosen}
    (folder / "sample.service.yaml").write_text(yaml.safe_dump(service, sort_keys=False), "utf-8")
    return folder


@cache
def _contracts() -> Contracts:
    return load_contracts((*BUILT_IN, contract_folder()))


def _contract(view: str) -> dict[str, Any]:
    def noted(**properties: Any) -> list[dict[str, Any]]:
        return [{"property": name, "value": value, "vendor": "bojagi"} for name, value in properties.items()]

    def column(name: str, physical: str, category: str, **more: Any) -> dict[str, Any]:
        shape = {"name": name, "description": f"{name}.", "logicalType": _LOGICAL[physical], "physicalType": physical}
        return shape | more | {"customProperties": noted(dataCategory=category) + more.get("customProperties", [])}

    fresh = {"freshnessHours": FRESH.total_seconds() / 3600} if view == "taste" else {}
    key = column("customer_id", "string", "dpv:PseudonymisedData", primaryKey=True, primaryKeyPosition=1, required=True)
    own = [
        column(name, physical, category, customProperties=noted(purpose=sorted(FEATURES[f"{view}:{name}"][0])))
        for name, physical, _, category in COLUMNS[view]
    ]
    table = noted(
        layer="gold", purpose=list(PURPOSES), builtFor="analytics",
        legalBasis={purpose: DUTIES.get(purpose, "consent") for purpose in PURPOSES}, retentionBasis="Three years.",
        subjectKey="customer_id", featureView={"eventTime": "as_of", **fresh},
    )  # fmt: skip
    schema = {
        "name": view, "logicalType": "object", "physicalType": "table", "description": "A sample.",
        "dataGranularityDescription": "One row per customer", "customProperties": table,
        "properties": [key, *own, column("as_of", "timestamp", "dpv:NonPersonalData", required=True)],
    }  # fmt: skip
    return {
        "apiVersion": "v3.2.0", "kind": "DataContract", "id": f"gold.{view}", "name": view, "version": "1.0.0",
        "status": "active", "domain": "customer", "description": {"purpose": "A sample."}, "schema": [schema],
    }  # fmt: skip
