"""Builds the small market, once per session for each engine, set of tables and set of sources."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import count
from pathlib import Path

import pandas as pd
import pytest

from installation.contract.document import Contracts, load_contracts
from pipelines.consent.customer_assignment import assign_source_persons
from pipelines.consent.filter import ConsentFilter
from pipelines.consent.intake import take_in_records
from pipelines.derived_table.refresh import RefreshResult, refresh_table
from pipelines.derived_table.table import BuildContext
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.register.customer_id import opaque_ids
from pipelines.register.matching_session import MatchingSession
from pipelines.register.register_entry import RegisterEntries, read_register_entries, stored_sketches
from pipelines.register.sketch_book import SketchBook, SketchKeys
from pipelines.unify.registry import all_tables
from privacy.consent.policy import built_in_policy
from privacy.consent.record import ConsentRecord
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView
from tests.pipelines.unify.market import Row, land, make_market

ALL_TABLES = all_tables(load_contracts())
"""Tables of the registry, and tables whose contracts name the function that builds them."""
AS_OF = date(2018, 1, 1)
MOMENT = datetime.combine(AS_OF, time.max)
CONSENTED = ("analytics", "personalisation", "marketing", "research", "sensitive_research")
Speak = Callable[["Built"], None]


def agree(built: Built, customer: str, purpose: str, state: str = "given", **fields: object) -> ConsentRecord:
    """Add one entry to the consent record, under the customer's own identifier. Does nothing when it is there."""
    record = _consent_of(customer, purpose, state, **fields)
    _append(built, [record])
    return record


def everybody_agrees(built: Built) -> None:
    """Add a consent of every customer to every purpose, so that the measures can be checked on all customers."""
    known = built.lakehouse.read("silver/identifier").select("customer_id").distinct().toPandas()
    _append(built, [_consent_of(customer, purpose) for customer in known["customer_id"] for purpose in CONSENTED])


def _consent_of(customer: str, purpose: str, state: str = "given", **fields: object) -> ConsentRecord:
    values = {
        "record_id": f"r_{customer}_{purpose}_{state}", "subject_id": customer, "controller": "Bojagi Mart",
        "purpose": purpose, "notice_version": "1", "notice_language": "ko", "jurisdiction": "KR", "method": "web_form",
        "state": state, "effective_at": datetime(2016, 1, 1), "recorded_at": datetime(2016, 1, 1), "age_years": 40,
        "evidence_hash": "0" * 64, "asked": "separately",
        "data_categories": ("pd:Health",) if purpose == "sensitive_research" else (),
    }  # fmt: skip
    return ConsentRecord.model_validate(values | fields)


def _append(built: Built, records: Iterable[ConsentRecord]) -> None:
    with closing(built.context.agreed.open()) as store:
        new = [record for record in records if not store.has(record.record_id)]
        if new:
            store.append(new)


@dataclass
class Built:
    """A lakehouse with the tables of the small market, and what is needed to refresh them.

    `speak` adds entries to the consent record before silver/consent_event is built.
    """

    lakehouse: SparkLakehouse
    context: BuildContext
    reports: dict[str, RefreshResult]
    rows: dict[str, list[Row]]
    tables: tuple[str, ...] = tuple(table.name for table in ALL_TABLES)
    speak: Speak = everybody_agrees

    def frame(self, table: str) -> pd.DataFrame:
        """Return a table as pandas, sorted by its primary key."""
        contract = self.context.contracts.table(table)
        frame = self.lakehouse.read(table).select(*(column.name for column in contract.columns)).toPandas()
        return frame.sort_values(list(contract.primary_key), ignore_index=True)

    @property
    def row_filter(self) -> ConsentFilter:
        """The filter by consent as the market stands."""
        return ConsentFilter(self.lakehouse, self.context.consent)

    def refresh(self) -> dict[str, RefreshResult]:
        """Refresh the tables again."""
        view = self.context.agreed
        self.context = replace(self.context, consent=ConsentView(view.open, view.policy, view.controller, view.moment))
        reports = {}
        for table in all_tables(self.context.contracts):
            if table.name not in self.tables:
                continue
            if table.name == "silver/consent_event":
                self.speak(self)
                take_in_records(self.lakehouse, self.context, self.context.agreed)
                assign_source_persons(self.lakehouse, self.context, self.context.agreed)
            reports[table.name] = refresh_table(table, self.lakehouse, self.context, self.row_filter)
        return reports


_BUILT: dict[object, Built] = {}
"""Markets built in this session, by the arguments of `build_market`."""
FIRST_SEED = 7
_COPY_SEEDS = count(FIRST_SEED + 1)


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    return load_contracts()


@pytest.fixture(scope="session")
def build_market(engines, contracts, tmp_path_factory) -> Callable[..., Built]:
    """Return a function that returns a market of its own: on which engine, which tables, from which sources.

    Markets of equal arguments are built once a session. Every call returns a copy of the files, which tests may change.
    """

    def open_market(root: Path, engine: str, contracts: Contracts, seed: int) -> tuple[SparkLakehouse, BuildContext]:
        spark = engines.open(engine).spark
        view = ConsentView(
            lambda: ConsentStore(root / "consent.db", built_in_policy().taxonomy),
            built_in_policy(),
            "Bojagi Mart",
            MOMENT,
        )
        lakehouse = SparkLakehouse(str(root), spark)
        keys = SketchKeys(bytes(32), bytes(32))

        def people() -> AbstractContextManager[RegisterEntries]:
            return nullcontext(
                read_register_entries(lakehouse, contracts, book=SketchBook(keys, stored_sketches(lakehouse)))
            )

        ids = opaque_ids(random.Random(seed).randbytes)
        return lakehouse, BuildContext(contracts, AS_OF, ids, spark, view, MatchingSession(people))

    def build_new(
        engine: str, tables: tuple[str, ...], sources: tuple[str, ...] | None, contracts: Contracts, speak: Speak
    ) -> Built:
        root: Path = tmp_path_factory.mktemp("market")
        rows = {name: found for name, found in make_market().items() if sources is None or name in sources}
        land(root, contracts, rows)
        # Every build draws the same identifiers, so that both engines can be compared.
        lakehouse, context = open_market(root, engine, contracts, FIRST_SEED)
        built = Built(lakehouse, context, {}, rows, tables, speak)
        built.reports = built.refresh()
        return built

    def copy(original: Built, engine: str) -> Built:
        root: Path = tmp_path_factory.mktemp("market")
        shutil.copytree(original.lakehouse.root, root, dirs_exist_ok=True)
        # A copy draws others, so that it never repeats an identifier of its original.
        lakehouse, context = open_market(root, engine, original.context.contracts, next(_COPY_SEEDS))
        if original.context.matching and context.matching:
            # What the build matched stays known, as it does within one run.
            context = replace(context, matching=replace(original.context.matching, people=context.matching.people))
        return replace(original, lakehouse=lakehouse, context=context, reports=dict(original.reports))

    def build(
        engine: str,
        tables: tuple[str, ...] = Built.tables,
        sources: tuple[str, ...] | None = None,
        contracts: Contracts = contracts,
        speak: Speak = everybody_agrees,
    ) -> Built:
        key = (engines, engine, tables, sources, tuple(contract.sha256 for contract in contracts.values()), speak)
        if key not in _BUILT:
            _BUILT[key] = build_new(engine, tables, sources, contracts, speak)
        return copy(_BUILT[key], engine)

    return build


@pytest.fixture(scope="session")
def market(build_market) -> Built:
    """Return the small market on Sail. It is shared, so tests only read it; tests that write call build_market."""
    return build_market("sail")
