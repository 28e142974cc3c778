"""Loads all sources of a small simulated market and compares bronze with the files and the planted faults."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import QueryBuilder

from installation.collector.place import is_collected
from installation.contract.document import Contracts, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.source_load import ingest_source
from pipelines.simulate.simulation import simulate
from tests.pipelines.ingest.shop import NOW
from tests.protection import open_protection_in


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    simulate(folder, seed=7, households=60)
    return folder


def load_all(market: Path, contracts: Contracts) -> dict[str, LoadResult]:
    lakehouse = Lakehouse(str(market / "lakehouse"))
    protection = open_protection_in(market / "secret")
    return {
        contract.name: ingest_source(contract, lakehouse, market / "landing", protection, lambda: NOW)
        for contract in contracts.sources
        if not is_collected(contract)  # its events arrive over HTTP
    }


@pytest.fixture(scope="module")
def reports(market: Path) -> dict[str, LoadResult]:
    return load_all(market, load_contracts())


def query(market: Path, table: str, sql: str) -> pd.DataFrame:
    delta = Lakehouse(str(market / "lakehouse")).delta(table)
    return pa.table(QueryBuilder().register("t", delta).execute(sql).read_all()).to_pandas()


def test_quarantine_holds_exactly_the_rows_that_were_broken(market: Path, reports: dict[str, LoadResult]) -> None:
    dirt = pd.read_parquet(market / "truth" / "dirt.parquet").query("breaks_contract")
    entries = query(market, "bronze/quarantine", "SELECT * FROM t")
    place = ["source", "file", "line", "column"]
    assert sorted(map(tuple, entries[place].to_numpy())) == sorted(map(tuple, dirt[place].to_numpy()))
    assert sum(report.rows_quarantined for report in reports.values()) == len(dirt)


def test_every_row_is_added_or_in_quarantine(reports: dict[str, LoadResult]) -> None:
    for report in reports.values():
        assert report.files_new == report.files_seen > 0, report.source
        assert report.rows_read == report.rows_added + report.rows_quarantined > 0, report.source
        assert report.rows_known == 0, report.source


def test_the_only_message_is_about_the_column_added_in_july(reports: dict[str, LoadResult]) -> None:
    # Members are named by their number, so the other keys of a statement are in no file.
    others = ("email", "phone", "device_id")
    notes = [fault for report in reports.values() for fault in report.faults]
    notes = [note for note in notes if not any(f"consent_event-000.jsonl: field {key} " in note for key in others)]
    assert len(notes) == 1, notes
    note = notes[0]
    assert "app_event-2017-07" in note
    assert note.endswith("column app_build is not in the contract and was not loaded")


def test_bronze_sales_equal_landed_sales_to_the_cent(market: Path, reports: dict[str, LoadResult]) -> None:
    files = sorted((market / "landing" / "cj_transactions").glob("*.parquet"))
    lines = pd.concat([pq.read_table(file).to_pandas() for file in files])
    cents = sum(round(value * 100) for value in lines["sales_value"])
    sql = "SELECT sum(sales_value) s, sum(quantity) q, count(DISTINCT basket_id) b FROM t"
    total = query(market, "bronze/cj_transactions", sql).iloc[0]
    assert total["s"] == Decimal(cents) / 100
    assert total["q"] == lines["quantity"].sum()
    assert total["b"] == lines["basket_id"].nunique()
    assert reports["cj_transactions"].rows_added == len(lines)


def test_a_second_load_of_all_sources_commits_nothing(market: Path, reports: dict[str, LoadResult]) -> None:
    again = load_all(market, load_contracts())
    assert all(report.files_new == report.rows_read == 0 for report in again.values())
    lakehouse = Lakehouse(str(market / "lakehouse"))
    assert {lakehouse.version(f"bronze/{source}") for source in reports} == {0}
