"""Gold tables have only customers who permit their purpose; a withdrawal rebuilds only the tables that it concerns."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import write_deltalake

from pipelines.consent.build_log import BuildLog
from pipelines.consent.filter import ConsentFilter
from pipelines.consent.proof import prove
from pipelines.derived_table.refresh import refresh_table
from pipelines.unify.line_total import COUNTED, broken_totals
from pipelines.unify.registry import TABLES, table
from privacy.audit import AuditLog
from privacy.consent.errors import ConsentError
from tests.pipelines.conftest import CONSENTED, Built, agree

GOLD = ("gold/order_history", "gold/customer_monthly_spend", "gold/customer_demographic")
MADE = (*(derived.name for derived in TABLES if derived.name.startswith("silver/")), *GOLD)


def customers(built: Built) -> list[str]:
    return sorted(set(built.frame("silver/identifier")["customer_id"]))


def most_agree(built: Built) -> None:
    """Of three customers one refuses analytics, one agrees to it alone, one to everything."""
    for number, customer in enumerate(customers(built)):
        for purpose in CONSENTED:
            refuses = number % 3 == 0 if purpose == "analytics" else number % 3 < 2
            agree(built, customer, purpose, "refused" if refuses else "given")


@pytest.fixture(scope="module")
def built(build_market) -> Built:
    return build_market("sail", MADE, speak=most_agree)


def permitting(built: Built, remainder: tuple[int, ...]) -> set[str]:
    return {customer for number, customer in enumerate(customers(built)) if number % 3 in remainder}


def test_profiles_have_only_customers_who_permit_analytics(built: Built) -> None:
    assert set(built.frame("gold/customer_demographic")["customer_id"]) == permitting(built, (1, 2))
    spent = built.frame("gold/customer_monthly_spend")
    assert set(spent["customer_id"]) <= permitting(built, (1, 2))
    assert len(spent) > 0


def test_orders_that_the_law_demands_keep_all_customers_and_equal_totals(built: Built) -> None:
    assert broken_totals({name: built.lakehouse.read(name) for name in COUNTED}) == []
    orders = built.frame("gold/order_history")
    assert set(orders["customer_id"]) & permitting(built, (0,))
    known = orders[orders["customer_id"].isin(permitting(built, (1, 2)))]
    assert built.frame("gold/customer_monthly_spend")["sales_value"].sum() == known["sales_value"].sum()


def test_a_sensitive_column_has_values_only_for_customers_who_permit_its_purpose(built: Built) -> None:
    found = built.frame("gold/customer_demographic").dropna(subset=["health_diet"])
    assert len(found) > 0
    assert set(found["customer_id"]) <= permitting(built, (2,))


def test_the_proof_holds_for_built_tables_and_finds_an_added_row_or_value(built: Built) -> None:
    contracts, view = built.context.contracts, built.context.agreed
    for name in GOLD:
        assert prove(contracts.table(name), built.lakehouse, view).holds, name
    name = "gold/customer_demographic"
    version = built.lakehouse.version(name)
    rows = built.lakehouse.delta(name).to_pyarrow_table()
    denied, alone = sorted(permitting(built, (0,)))[0], sorted(permitting(built, (1,)))[0]
    strange = {"customer_id": denied, "health_diet": None}, {"customer_id": alone, "health_diet": "저염식"}
    for change, unpermitted, columns in ((strange[0], 1, ()), (strange[1], 0, (("health_diet", 1),))):
        row = rows.slice(0, 1).to_pylist()[0] | {"pets": None, "beliefs": None} | change
        write_deltalake(built.lakehouse.path(name), rows.from_pylist([row], schema=rows.schema), mode="append")
        proof = prove(contracts.table(name), built.lakehouse, view)
        assert (proof.unpermitted_customers, proof.columns, proof.holds) == (unpermitted, columns, False)
        built.lakehouse.delta(name).restore(version)


def test_a_build_is_logged_once_and_a_failed_proof_as_failed(built: Built, tmp_path: Path) -> None:
    def opened() -> AuditLog:
        return AuditLog(tmp_path / "audit.db", tmp_path / "anchor", bytes(32))

    name, view = "gold/customer_monthly_spend", built.context.agreed
    contract = built.context.contracts.table(name)
    proof = prove(contract, built.lakehouse, view)
    for run, is_new in (("r1", (True, False)), ("r2", (False, False))):
        account = BuildLog(opened, run)
        assert tuple(account.log_build(contract, proof, built.lakehouse, view) for _ in range(2)) == is_new
        account.close()
    version = built.lakehouse.version(name)
    rows = built.lakehouse.delta(name).to_pyarrow_table()
    denied = sorted(permitting(built, (0,)))[0]
    row = rows.slice(0, 1).to_pylist()[0] | {"customer_id": denied}
    write_deltalake(built.lakehouse.path(name), rows.from_pylist([row], schema=rows.schema), mode="append")
    account = BuildLog(opened, "r3")
    assert account.log_build(contract, prove(contract, built.lakehouse, view), built.lakehouse, view)
    account.close()
    built.lakehouse.delta(name).restore(version)
    with closing(opened()) as log:
        (_, first), (_, second) = log.entries()
    logged = (first.who, first.action, first.purpose, first.table, first.outcome, first.subjects)
    assert logged == ("bojagi run", "build", "analytics", name, "allowed", proof.customers)
    assert set(first.columns) == set(rows.column_names)
    assert (second.outcome, second.subjects) == ("failed", proof.customers + 1)
    assert "1 of" in (second.reason or "")
    assert denied not in second.model_dump_json()


def test_without_a_consent_record_or_a_purpose_no_table_is_built(built: Built) -> None:
    blind = replace(built.context, consent=None)
    with pytest.raises(ConsentError, match="this build has none"):
        refresh_table(table("gold/customer_demographic"), built.lakehouse, blind, ConsentFilter(built.lakehouse, None))
    contract = built.context.contracts.table("gold/customer_demographic")
    purposeless = replace(contract, built_for=None)
    with pytest.raises(ConsentError, match="builtFor"):
        prove(purposeless, built.lakehouse, built.context.agreed)


def test_a_withdrawal_rebuilds_only_the_tables_of_its_purpose(build_market) -> None:
    built = build_market("sail", (*MADE[:-3], "gold/customer_demographic"), speak=most_agree)
    leaver = sorted(permitting(built, (2,)))[0]
    later = built.context.agreed.moment
    agree(built, leaver, "marketing", "withdrawn", effective_at=later, recorded_at=later)
    report = built.refresh()
    assert not report["silver/permission"].was_current
    assert report["gold/customer_demographic"].was_current
    agree(built, leaver, "analytics", "withdrawn", effective_at=later, recorded_at=later)
    assert not built.refresh()["gold/customer_demographic"].was_current
    assert leaver not in set(built.frame("gold/customer_demographic")["customer_id"])
    assert all(again.was_current for again in built.refresh().values())
