"""Silver and gold hold no identifier in clear, and special categories only in columns with narrower purposes."""

from __future__ import annotations

import pytest

from installation.contract.document import Contracts
from pipelines.unify.registry import TABLES
from privacy.contract.vocabulary import load_vocabulary

IDENTIFYING = (
    "member_no", "card_no", "email", "phone", "name", "member_name", "cookie_id", "device_id", "receiver_name",
    "receiver_phone",
)  # fmt: skip
SPECIAL = {"gold.customer_demographic": {"pets", "health_diet", "beliefs"},
           "gold.customer_lifestyle": {"health_spend_share", "alcohol_tobacco_spend_share"}}  # fmt: skip


def test_no_silver_or_gold_contract_declares_a_direct_identifier(contracts: Contracts) -> None:
    for derived in TABLES:
        assert [c.name for c in contracts.table(derived.name).columns if c.role == "direct"] == [], derived.name


def test_sensitive_columns_are_only_in_two_tables_and_never_allow_marketing(contracts: Contracts) -> None:
    for derived in TABLES:
        contract = contracts.table(derived.name)
        found = {c.name for c in contract.columns if c.role == "sensitive"}
        assert found == SPECIAL.get(contract.id, set())
        for column in contract.columns:
            if column.name in found:
                assert set(column.purposes) < set(contract.purposes)
                assert "marketing" not in column.purposes


@pytest.mark.parametrize("name", [derived.name for derived in TABLES])
def test_no_table_holds_an_identifier_of_a_person_in_clear(name: str, market) -> None:
    values = {str(row.get(key)) for rows in market.rows.values() for row in rows for key in IDENTIFYING}
    clear = {value for value in values if len(value) > 4}
    frame = market.frame(name)
    for column in frame.select_dtypes("object").columns:
        assert clear.isdisjoint(frame[column].dropna().astype(str)), column


def test_customer_identifiers_have_the_opaque_form(market) -> None:
    assert market.frame("silver/customer")["customer_id"].str.fullmatch(r"c_[a-z2-7]{26}").all()


def test_every_table_about_persons_has_owner_and_retention(contracts: Contracts) -> None:
    vocabulary = load_vocabulary()
    for derived in TABLES:
        contract = contracts.table(derived.name)
        assert contract.owner
        assert set(contract.purposes) <= set(vocabulary.terms("purposes"))
        if contract.subject_key:
            assert contract.retention_days
            assert contract.retention_basis
