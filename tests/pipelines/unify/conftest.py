"""The small market, built by each engine once a session."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipelines.contracts.document import Contracts, load_contracts
from pipelines.identity.opaque_id import opaque_ids
from pipelines.identity.person_record import read_person_records
from pipelines.identity.session import MatchingSession
from pipelines.lakehouse import Lakehouse
from pipelines.unify.refresh import RefreshReport, refresh_table
from pipelines.unify.registry import TABLES
from pipelines.unify.table import BuildContext
from tests.pipelines.unify.market import Row, land, make_market

AS_OF = date(2018, 1, 1)


@dataclass
class Built:
    """A lakehouse with all tables of the small market."""

    lakehouse: Lakehouse
    context: BuildContext
    reports: dict[str, RefreshReport]
    rows: dict[str, list[Row]]
    tables: tuple[str, ...] = tuple(table.name for table in TABLES)

    def frame(self, table: str) -> pd.DataFrame:
        """Return a table as pandas, sorted by its primary key."""
        contract = self.context.contracts.table(table)
        frame = self.lakehouse.read(table).select(*(column.name for column in contract.columns)).toPandas()
        return frame.sort_values(list(contract.primary_key), ignore_index=True)

    def refresh(self) -> dict[str, RefreshReport]:
        """Refresh the tables again."""
        wanted = [table for table in TABLES if table.name in self.tables]
        return {table.name: refresh_table(table, self.lakehouse, self.context) for table in wanted}


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
    ) -> Built:
        root: Path = tmp_path_factory.mktemp("market")
        rows = {name: found for name, found in make_market().items() if sources is None or name in sources}
        land(root, contracts, rows)
        spark = engines.open(engine).spark
        lakehouse = Lakehouse(str(root), spark)
        matching = MatchingSession(lambda: read_person_records(lakehouse, contracts))
        built = Built(
            lakehouse,
            BuildContext(contracts, AS_OF, opaque_ids(random.Random(7).randbytes), spark, matching),
            {},
            rows,
            tables,
        )
        built.reports = built.refresh()
        return built

    return build


@pytest.fixture(scope="session")
def market(build_market) -> Built:
    """The small market on Sail. Tests only read it; who writes builds one."""
    return build_market("sail")
