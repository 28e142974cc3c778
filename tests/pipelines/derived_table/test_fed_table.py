"""Tables without input: which they are, for the sources that have landed."""

from pathlib import Path

import pytest

from installation.contract.document import Contracts, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.derived_table.fed_table import FedTables, feeding_tables
from pipelines.ingest.bronze import BronzeTable
from pipelines.unify.registry import TABLES, all_tables
from tests.pipelines.ingest.shop import NOW

KNOWN = load_contracts()


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return KNOWN


def fed_by(folder: Path, contracts: Contracts, *sources: str) -> set[str]:
    """Return the derived tables that have input when these sources have landed."""
    lakehouse = Lakehouse(str(folder))
    for source in sources:
        BronzeTable(contracts.source(source), lakehouse).commit([], [], NOW)
    fed = FedTables(all_tables(contracts), contracts, lakehouse)
    return {table.name for table in TABLES if table.name in fed}


def test_without_any_source_no_table_has_input(tmp_path: Path, contracts: Contracts) -> None:
    assert fed_by(tmp_path, contracts) == set()


def test_with_every_source_every_table_has_input(tmp_path: Path, contracts: Contracts) -> None:
    names = [contract.name for contract in contracts.sources]
    assert fed_by(tmp_path, contracts, *names) == {table.name for table in TABLES}


def test_a_source_without_a_matching_key_feeds_no_table_about_customers(tmp_path: Path, contracts: Contracts) -> None:
    assert fed_by(tmp_path, contracts, "weather") == {"silver/calendar"}


def test_a_survey_feeds_what_is_made_from_it_and_the_identity_tables(tmp_path: Path, contracts: Contracts) -> None:
    fed = fed_by(tmp_path, contracts, "nps_survey")
    assert {
        "silver/identifier",
        "silver/customer",
        "silver/permission",
        "gold/customer_feedback",
        "gold/customer_360",
    } <= fed
    assert not fed & {"silver/order_line", "gold/order_history", "gold/customer_location", "silver/session"}
    assert "gold/customer_demographic" not in fed


def test_a_register_feeds_the_demographic_profile(tmp_path: Path, contracts: Contracts) -> None:
    assert {"silver/customer_attribute", "gold/customer_demographic"} <= fed_by(tmp_path, contracts, "crm_customer")


def test_a_table_that_exists_stays_fed(tmp_path: Path, contracts: Contracts) -> None:
    BronzeTable(contracts.source("weather"), Lakehouse(str(tmp_path))).commit([], [], NOW)
    fed = FedTables(all_tables(contracts), contracts, Lakehouse(str(tmp_path)))
    assert "silver/calendar" in fed
    assert "silver/session" not in fed
    Lakehouse(str(tmp_path)).overwrite_rows("silver/session", Lakehouse(str(tmp_path)).rows("bronze/weather"))
    assert "silver/session" in fed


def test_every_feeding_table_is_a_table(contracts: Contracts) -> None:
    known = {contract.table for contract in contracts.values()}
    for table in TABLES:
        feeding = feeding_tables(table, contracts)
        assert feeding, table.name
        assert set(feeding) <= known, table.name
