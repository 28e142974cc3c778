"""A shop with one member: lands consent statements as files, loads them and takes them into the consent record."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa

from installation.contract.document import Contract, Contracts
from pipelines.consent.intake import take_in_records
from pipelines.consent.unread import UnreadResult, take_in_unread
from pipelines.derived_table.table import BuildContext
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.quarantine_replay import replay_quarantine
from pipelines.ingest.source_load import ingest_source
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.register.customer_id import opaque_ids
from privacy.consent.policy import built_in_policy
from privacy.consent.service import ConsentService
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView
from tests.pipelines.unify.market import bronze
from tests.protection import open_protection_in

MEMBER = "M000000003"
CONTROLLER = "Bojagi Mart"
MOMENT = datetime(2017, 12, 31, 12)
GRANT: dict[str, Any] = {
    "record_id": "c_x1002", "member_no": MEMBER, "controller": CONTROLLER, "purpose": "analytics",
    "data_categories": "pd:Purchase", "notice_version": "2017.1", "notice_language": "ko", "jurisdiction": "KR",
    "method": "web_form", "state": "given", "event_at": "2017-03-01T10:00:00", "recorded_at": "2017-03-01T10:00:00",
    "expressed_by": "self", "evidence_hash": "0" * 63 + "1", "asked": "separately",
}  # fmt: skip
WITHDRAWAL = GRANT | {
    "record_id": "c_x2002", "state": "withdrawn", "event_at": "2017-06-01T10:00:00",
    "recorded_at": "2017-06-01T10:00:00",
}  # fmt: skip


@dataclass
class StatementShop:
    """Lands, loads and decides."""

    folder: Path
    contracts: Contracts
    spark: Any
    zone: str = "Asia/Seoul"
    waves: int = 0
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    result: UnreadResult = field(default_factory=lambda: UnreadResult(0, 0))

    def __post_init__(self) -> None:
        self.protection = open_protection_in(self.folder / "secret")
        self.lakehouse = SparkLakehouse(str(self.folder / "lakehouse"), self.spark)
        (self.folder / "landing" / "consent_event").mkdir(parents=True)
        self.register(MEMBER)

    def register(self, *members: str) -> None:
        """Add members of full age to the register."""
        rows = [{"member_no": member, "birth_date": "1980-01-01"} for member in members]
        table = bronze(self.contracts.source("crm_customer"), rows)
        place = table.schema.get_field_index("member_no_token")
        tokens = pa.array([self.token("member_no", member) for member in members], table.schema.field(place).type)
        table = table.set_column(place, table.schema.field(place), tokens)
        deltalake.write_deltalake(self.lakehouse.path("bronze/crm_customer"), table, mode="append")

    @property
    def contract(self) -> Contract:
        return self.contracts.source("consent_event")

    def token(self, kind: str, text: str) -> str:
        return str(self.protection.tokens.tokens(kind, pa.array([text], pa.string())).to_pylist()[0])

    @property
    def view(self) -> ConsentView:
        return ConsentView(self.open_store, built_in_policy(), CONTROLLER, MOMENT)

    def open_store(self) -> ConsentStore:
        return ConsentStore(self.folder / "consent.db", built_in_policy().taxonomy)

    def service(self, store: ConsentStore) -> ConsentService:
        now = datetime(2026, 1, 9)
        return ConsentService(
            store, built_in_policy(), CONTROLLER, lambda: now, lambda: MOMENT, lambda _: False, self.zone
        )

    def land(self, *rows: Mapping[str, Any] | str) -> UnreadResult:
        """Land the rows as one file and run: load, intake, unread statements."""
        self.waves += 1
        lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        (self.folder / "landing" / "consent_event" / f"wave{self.waves}.jsonl").write_text("\n".join(lines) + "\n")
        return self.run()

    def replay(self, contracts: Contracts) -> UnreadResult:
        """Replay the quarantine under other contracts, then run."""
        self.contracts = contracts
        self.clock += timedelta(days=1)
        replay_quarantine(self.contract, self.lakehouse, self.protection, lambda: self.clock, self.options)
        return self.run()

    @property
    def options(self) -> LoadOptions:
        return LoadOptions(time_zone=self.zone, reference_date=date(2017, 12, 31))

    def run(self) -> UnreadResult:
        self.clock += timedelta(days=1)
        landing = self.folder / "landing"
        ingest_source(self.contract, self.lakehouse, landing, self.protection, lambda: self.clock, self.options)
        ids = opaque_ids(random.Random(1).randbytes)
        view = self.view
        context = BuildContext(self.contracts, date(2017, 12, 31), ids, self.spark, view, None, self.zone)
        if self.lakehouse.exists(self.contract.table):
            take_in_records(self.lakehouse, context, view)
        now = self.clock.replace(tzinfo=None)
        self.result = take_in_unread(self.contract, self.lakehouse, self.protection, view, now)
        return self.result

    def permits(self, purpose: str = "analytics", member: str = MEMBER) -> bool:
        return self.view.index.is_permitted(self.token("member_no", member), purpose, MOMENT)

    def states(self) -> list[tuple[str, str]]:
        """Return purpose and state of each stored record, in the order of recording."""
        with closing(self.open_store()) as store:
            return [(r.purpose, r.state.value) for r in store.records_of([self.token("member_no", MEMBER)])]
