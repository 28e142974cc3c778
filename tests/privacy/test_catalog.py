from __future__ import annotations

import json
from pathlib import Path

import pytest

from installation.contract.document import BUILT_IN
from privacy.catalog import Catalog, UnknownDataError, read_catalog
from privacy.contract.fault import ContractError

EXAMPLE = Path(__file__).parent.parent / "pipelines" / "contracts" / "example"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog([EXAMPLE])


def test_the_data_map_holds_every_column_of_every_contract(catalog: Catalog) -> None:
    assert catalog.tables == ("gold/member_profile", "bronze/member", "bronze/store")
    assert len(catalog.entries) == 2 + 6 + 3


def test_an_entry_holds_category_retention_and_recipients(catalog: Catalog) -> None:
    entry = catalog.column("bronze/member", "name")
    assert (entry.category, entry.role, entry.is_personal) == ("pd:Name", "direct", True)
    assert entry.retention_days == 731
    assert entry.retention_basis == "Two years after the last purchase."
    assert entry.recipients == ("crm_operator",)


def test_a_table_on_contract_still_needs_consent_for_marketing(catalog: Catalog) -> None:
    entry = catalog.column("bronze/member", "name")
    assert entry.legal_bases == {
        "service_delivery": "contract",
        "legal_records": "legal_duty",
        "marketing": "consent",
        "sensitive_research": "consent",
    }
    assert entry.needs_consent("marketing")
    assert not entry.needs_consent("service_delivery")
    with pytest.raises(UnknownDataError, match="may not be used for 'research'"):
        entry.needs_consent("research")


def test_a_column_with_its_own_purposes_allows_only_these(catalog: Catalog) -> None:
    assert catalog.purposes("bronze/member", "diet") == ("sensitive_research",)
    assert "diet" not in catalog.columns_for("bronze/member", "marketing")
    assert "visits" in catalog.columns_for("bronze/member", "marketing")


def test_columns_are_found_by_identifier_role(catalog: Catalog) -> None:
    assert [entry.column for entry in catalog.columns_of_role("direct")] == ["member_no", "name"]
    assert catalog.sensitive_attributes("bronze/member") == ("diet",)
    assert catalog.quasi_identifiers("bronze/member") == ()


def test_subject_requests_cover_only_tables_about_persons(catalog: Catalog) -> None:
    assert catalog.subject_tables() == {"gold/member_profile": "customer_id", "bronze/member": "member_no"}
    assert catalog.linked_tables("customer_id") == ("gold/member_profile",)


def test_a_table_or_column_without_contract_is_refused(catalog: Catalog) -> None:
    with pytest.raises(UnknownDataError, match="The data map has no table 'silver/secret'"):
        catalog.columns("silver/secret")
    with pytest.raises(UnknownDataError, match="bronze/member has no column 'salary'"):
        catalog.purposes("bronze/member", "salary")


def test_one_faulty_contract_prevents_the_data_map(tmp_path: Path) -> None:
    text = (EXAMPLE / "source_member.odcs.yaml").read_text("utf-8")
    (tmp_path / "source_member.odcs.yaml").write_text(text.replace("pd:Name", "pd:Naam"), "utf-8")
    (tmp_path / "source_store.odcs.yaml").write_bytes((EXAMPLE / "source_store.odcs.yaml").read_bytes())
    with pytest.raises(ContractError, match="pd:Naam"):
        read_catalog([tmp_path])


def test_the_data_map_can_be_written_as_json(catalog: Catalog) -> None:
    rows = json.loads(json.dumps(catalog.as_rows()))
    assert len(rows) == len(catalog.entries)
    assert rows[0]["purposes"] == ["analytics"]


def test_the_built_in_data_map_marks_names_phones_and_emails_as_direct_identifiers() -> None:
    catalog = read_catalog(BUILT_IN)
    assert "bronze/crm_customer" in catalog.subject_tables()
    assert {"name", "phone", "email"} <= {e.column for e in catalog.columns_of_role("direct", "bronze/crm_customer")}
