"""The small market, built by each engine once a session."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path

import pandas as pd
import pytest

from installation.contract.document import Contracts, load_contracts
from pipelines.consent.intake import take_in_records
from pipelines.consent.membership import take_in_memberships
from pipelines.derived_table.refresh import RefreshReport, refresh_table
from pipelines.derived_table.table import BuildContext
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.register.opaque_id import opaque_ids
from pipelines.register.person_record import PersonRecords, kept_sketches, read_person_records
from pipelines.register.session import MatchingSession
from pipelines.register.sketch_book import SketchBook, SketchKeys
from pipelines.unify.registry import TABLES
from privacy.consent.policy import built_in_policy
from privacy.consent.record import ConsentRecord
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView
from tests.pipelines.unify.market import Row, land, make_market

AS_OF = date(2018, 1, 1)
MOMENT = datetime.combine(AS_OF, time.max)
CONSENTED = ("analytics", "personalisation", "marketing", "research", "sensitive_research")
Speak = Callable[["Built"], None]


def agree(built: Built, customer: str, purpose: str, state: str = "given", **fields: object) -> ConsentRecord:
    """Record what a customer says, under its own identifier."""
    said = {
        "record_id": f"r_{customer}_{purpose}_{state}", "subject_id": customer, "controller": "Bojagi Mart",
        "purpose": purpose, "notice_version": "1", "notice_language": "ko", "jurisdiction": "KR", "method": "web_form",
        "state": state, "effective_at": datetime(2016, 1, 1), "recorded_at": datetime(2016, 1, 1), "age_years": 40,
        "evidence_hash": "0" * 64, "data_categories": ("pd:Health",) if purpose == "sensitive_research" else (),
    }  # fmt: skip
    record = ConsentRecord.model_validate(said | fields)
    with closing(built.context.agreed.open()) as store:
        if not store.has(record.record_id):
            store.append([record])
    return record


def everybody_agrees(built: Built) -> None:
    """Let every customer agree to everything, so that the measures can be checked on all of them."""
    known = built.lakehouse.read("silver/identifier").select("customer_id").distinct().toPandas()
    for customer in known["customer_id"]:
        for purpose in CONSENTED:
            agree(built, customer, purpose)


@dataclass
class Built:
    """A lakehouse with all tables of the small market."""

    lakehouse: SparkLakehouse
    context: BuildContext
    reports: dict[str, RefreshReport]
    rows: dict[str, list[Row]]
    tables: tuple[str, ...] = tuple(table.name for table in TABLES)
    speak: Speak = everybody_agrees

    def frame(self, table: str) -> pd.DataFrame:
        """Return a table as pandas, sorted by its primary key."""
        contract = self.context.contracts.table(table)
        frame = self.lakehouse.read(table).select(*(column.name for column in contract.columns)).toPandas()
        return frame.sort_values(list(contract.primary_key), ignore_index=True)

    def refresh(self) -> dict[str, RefreshReport]:
        """Refresh the tables again."""
        view = self.context.agreed
        self.context = replace(self.context, consent=ConsentView(view.open, view.policy, view.controller, view.moment))
        reports = {}
        for table in TABLES:
            if table.name not in self.tables:
                continue
            if table.name == "silver/consent_event":
                self.speak(self)
                take_in_records(self.lakehouse, self.context, self.context.agreed)
                take_in_memberships(self.lakehouse, self.context, self.context.agreed)
            reports[table.name] = refresh_table(table, self.lakehouse, self.context)
        return reports


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    return load_contracts()


@pytest.fixture(scope="session")
def build_market(engines, contracts, tmp_path_factory) -> Callable[..., Built]:
    """Return a function that builds a market of its own: on which engine, which tables, from which sources."""

    def build(
        engine: str,
        tables: tuple[str, ...] = Built.tables,
        sources: tuple[str, ...] | None = None,
        contracts: Contracts = contracts,
        speak: Speak = everybody_agrees,
    ) -> Built:
        root: Path = tmp_path_factory.mktemp("market")
        rows = {name: found for name, found in make_market().items() if sources is None or name in sources}
        land(root, contracts, rows)
        spark = engines.open(engine).spark
        view = ConsentView(
            lambda: ConsentStore(root / "consent.db", built_in_policy().taxonomy),
            built_in_policy(),
            "Bojagi Mart",
            MOMENT,
        )
        lakehouse = SparkLakehouse(str(root), spark)
        keys = SketchKeys(bytes(32), bytes(32))

        def people() -> AbstractContextManager[PersonRecords]:
            return nullcontext(
                read_person_records(lakehouse, contracts, book=SketchBook(keys, kept_sketches(lakehouse)))
            )

        matching = MatchingSession(people)
        built = Built(
            lakehouse,
            BuildContext(contracts, AS_OF, opaque_ids(random.Random(7).randbytes), spark, view, matching),
            {},
            rows,
            tables,
            speak,
        )
        built.reports = built.refresh()
        return built

    return build


@pytest.fixture(scope="session")
def market(build_market) -> Built:
    """The small market on Sail. Tests only read it; who writes builds one."""
    return build_market("sail")
