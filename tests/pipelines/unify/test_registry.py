"""Every table of the small market is built, conforms to its contract, and is not rebuilt without a change."""

from __future__ import annotations

import pytest

from installation.contract.document import Contracts
from pipelines.unify.registry import TABLES, all_tables, table

# Tables that record decisions and changes, and those of models that need more customers than the small market has.
MAY_BE_EMPTY = {
    "silver/identity_event", "silver/identity_decision", "gold/insight_model", "gold/customer_score",
    "gold/segment_move", "gold/campaign_effect", "gold/recommendation_model", "gold/customer_recommendation",
    "silver/sent_profile", "silver/disclosure",
}  # fmt: skip


def test_every_table_is_listed_after_its_inputs(contracts: Contracts) -> None:
    known: set[str] = set()
    for derived in all_tables(contracts):
        missing = [name for name in derived.all_inputs(contracts) if not name.startswith(("bronze/", "consent/"))]
        assert set(missing) <= known, derived.name
        known.add(derived.name)


def test_every_table_has_a_contract_with_a_primary_key_and_column_descriptions(contracts: Contracts) -> None:
    for derived in TABLES:
        contract = contracts.table(derived.name)
        assert contract.primary_key
        assert all(len(column.description) > 4 for column in contract.columns)


def test_an_unknown_table_name_is_refused() -> None:
    with pytest.raises(KeyError, match="no derived table 'gold/nothing'"):
        table("gold/nothing")


@pytest.mark.parametrize("name", [derived.name for derived in TABLES])
def test_the_rows_of_every_table_conform_to_its_contract(name: str, market) -> None:
    contract = market.context.contracts.table(name)
    frame = market.frame(name)
    assert list(frame.columns) == [column.name for column in contract.columns]
    if name not in MAY_BE_EMPTY:
        assert len(frame) > 0
    assert not frame.duplicated(list(contract.primary_key)).any()
    for column in contract.columns:
        values = frame[column.name].dropna()
        if column.required:
            assert len(values) == len(frame), column.name
        if column.enum is not None:
            assert set(values) <= set(column.enum), column.name
        if column.minimum is not None and len(values):
            assert values.min() >= column.minimum, column.name
        if column.maximum is not None and len(values):
            assert values.max() <= column.maximum, column.name


def test_every_column_has_a_value_somewhere_in_the_small_market(market) -> None:
    """A column that is always null would be a measure that no code computes."""
    may_be_null = {"silver/identifier.previous_customer_id", "silver/identifier.changed_by",
                   "silver/consent_event.recipients",
                   "silver/consent_event.supersedes", "silver/consent_event.storage",
                   "silver/consent_event.withdrawal_method",
                   "silver/consent_event.note", "silver/consent_event.recorded_by",
                   "gold/customer_purchase_behaviour.price_elasticity", "gold/segment_model.former_agreement",
                   "gold/customer_360.price_elasticity"}  # fmt: skip
    silent = set()
    for derived in TABLES:
        frame = market.frame(derived.name)
        if len(frame):
            silent |= {f"{derived.name}.{name}" for name in frame.columns if frame[name].isna().all()}
    assert silent - may_be_null == set()


def test_a_second_refresh_without_changes_builds_no_table(build_market) -> None:
    built = build_market("sail")
    customers = built.frame("silver/customer")
    versions = {derived.name: built.lakehouse.version(derived.name) for derived in TABLES}
    again = built.refresh()
    assert all(report.was_current for report in again.values())
    assert {name: built.lakehouse.version(name) for name in versions} == versions
    assert built.frame("silver/customer").equals(customers)
