"""A shop with customers in the lakehouse and in the online store, their events and consents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.insight.audience.service import Audiences
from features.repo.materialization import materialize_view, newest_rows
from features.store.opening import open_online_store
from privacy.audit import AuditEntry
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State
from tests.features.repo.feature_table import taste_of, trade_of, write_table
from tests.features.retrieval.feature_shop import NOON, FeatureShop

TODAY = NOON.date()
EVENT = pa.schema([("customer_id", pa.string()), ("event_date", pa.date32()), ("event_type", pa.string()),
                   ("channel", pa.string())])  # fmt: skip


class AudienceShop(FeatureShop):
    """A `FeatureShop` whose tables are in the lakehouse."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.audiences = Audiences(self.installation)

    def open_with(self, customers: Iterable[str]) -> None:
        """Write the customers, and empty tables of everything else."""
        names = pa.table({"customer_id": pa.array(list(customers), pa.string())})
        self.installation.lakehouse.overwrite_rows("silver/customer", names)
        self.write_events({})

    def write_views(self, trade: Iterable[Mapping[str, Any]] = (), taste: Iterable[Mapping[str, Any]] = ()) -> None:
        """Write rows of both views into the lakehouse and from there into the online store."""
        write_table(self, "trade", [trade_of(**row) for row in trade])
        write_table(self, "taste", [taste_of(**row) for row in taste])
        with closing(open_online_store(self.installation, verify=False)) as store:
            for view in self.catalog.views.values():
                if view.name in ("trade", "taste"):
                    materialize_view(view, newest_rows(view, self.installation), store)

    def write_events(self, events: Mapping[str, Iterable[tuple[date, str, str]]]) -> None:
        """Write the events of customers: day, type and channel."""
        rows = [
            {"customer_id": name, "event_date": day, "event_type": kind, "channel": channel}
            for name, mine in events.items() for day, kind, channel in mine
        ]  # fmt: skip
        self.installation.lakehouse.overwrite_rows("silver/touchpoint_event", pa.Table.from_pylist(rows, EVENT))

    def permit(self, customers: Iterable[str], purpose: str) -> None:
        """Record that customers permit a purpose."""
        at = NOON - timedelta(days=9)
        self.consents.append([
            ConsentRecord(
                record_id=f"p_{purpose}_{name}", subject_id=name, controller="Bojagi Mart", purpose=purpose,
                notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form", state=State("given"),
                effective_at=at, recorded_at=at, age_years=40, evidence_hash="0" * 64, asked="separately",
            )
            for name in customers
        ])  # fmt: skip

    def logged(self) -> list[AuditEntry]:
        """Return the entries of the audit log."""
        return [entry for _, entry in self.installation.audit_log.entries()]


def days_ago(days: int) -> date:
    """Return a day before the shop's today."""
    return TODAY - timedelta(days)


def at(days: int, hours: int = 0) -> datetime:
    """Return a time before the shop's now."""
    return NOON - timedelta(days=days, hours=hours)
