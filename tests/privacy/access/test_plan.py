"""A role reads only the columns that serve its purpose; every other read is refused with the reason."""

from __future__ import annotations

import pytest

from installation.contract.document import load_contracts
from privacy.access.errors import AccessError, AccessRefused
from privacy.access.plan import ReadPlan, plan_read
from privacy.access.role import built_in_roles, read_roles
from privacy.consent.errors import UnknownPurposeError
from privacy.consent.policy import built_in_policy

CONTRACTS, ROLES, POLICY = load_contracts(), built_in_roles(), built_in_policy()


def plan(table: str, role: str, purpose: str, wanted: list[str] | None = None) -> ReadPlan:
    return plan_read(CONTRACTS.table(table), role, purpose, ROLES, POLICY, wanted)


@pytest.mark.parametrize("role", ROLES.roles)
def test_no_role_reads_a_direct_identifier_or_a_column_for_another_purpose(role: str) -> None:
    for contract in CONTRACTS.values():
        for purpose in ROLES[role].purposes:
            try:
                shown = plan(contract.table, role, purpose).columns
            except AccessRefused:
                continue
            assert all(contract.column(name).role != "direct" for name in shown)
            asked = "research" if purpose == "pseudonymised_research" else purpose
            assert all(asked in contract.column(name).purposes for name in shown)


def test_a_sensitive_column_is_read_for_its_own_purpose_and_refused_for_others() -> None:
    assert "beliefs" in plan("gold/customer_demographic", "analyst", "sensitive_research").columns
    analytics = plan("gold/customer_demographic", "analyst", "analytics")
    assert analytics.left_out["beliefs"] == "does not serve analytics"
    assert analytics.is_pseudonymised
    with pytest.raises(AccessRefused, match="beliefs"):
        plan("gold/customer_demographic", "analyst", "analytics", ["sex", "beliefs"])
    with pytest.raises(AccessRefused, match="is sensitive"):
        plan("gold/customer_demographic", "agent", "personalisation", ["pets"])


def test_campaigns_reach_customers_by_the_role_of_a_program_that_sees_no_more_than_a_marketer() -> None:
    sent = plan("gold/customer_360", "campaign_tool", "marketing")
    assert not sent.is_pseudonymised
    assert "customer_id" in sent.columns
    assert set(sent.columns) <= set(plan("gold/customer_360", "marketer", "marketing").columns)
    assert plan("gold/customer_360", "marketer", "marketing").is_pseudonymised


@pytest.mark.parametrize(
    ("table", "role", "purpose", "message"),
    [
        ("gold/customer_360", "analyst", "marketing", "may not read for marketing"),
        ("bronze/crm_customer", "analyst", "analytics", "may not read bronze/crm_customer"),
        ("gold/customer_360", "intern", "analytics", "expected one of analyst"),
    ],
)
def test_a_wrong_role_purpose_or_table_is_refused_with_the_reason(
    table: str, role: str, purpose: str, message: str
) -> None:
    with pytest.raises(AccessRefused, match=message):
        plan(table, role, purpose)


def test_an_unknown_purpose_is_refused_before_the_role_is_asked() -> None:
    with pytest.raises(UnknownPurposeError):
        plan("gold/customer_360", "analyst", "curiosity")


@pytest.mark.parametrize("text", ["roles: [", "roles: {a: {}}", "roles: {a: {meaning: somebody, purposes: [x], tables: "
                                  "['*/*'], identifiers: [none], subjects: as_stored}}"])  # fmt: skip
def test_a_fault_in_the_file_of_roles_is_refused(text: str) -> None:
    with pytest.raises(AccessError):
        read_roles(text, "role.yaml", POLICY)


def test_a_role_with_direct_identifiers_is_refused() -> None:
    fields = "meaning: somebody, purposes: [analytics], tables: ['*/*'], identifiers: [direct], subjects: as_stored"
    text = f"roles: {{a: {{{fields}}}}}"
    with pytest.raises(AccessError, match="identifiers"):
        read_roles(text, "role.yaml", POLICY)
