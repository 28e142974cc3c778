"""Retention deletes due rows from every file and version, and keeps the others with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from installation.contract.document import Contracts, load_contracts
from pipelines.errors import RetentionError
from pipelines.retention.deletion import RetentionResult, apply_retention, refuse_large
from pipelines.retention.plan import RetentionPlan, plan_retention
from privacy.protection.errors import DestroyedKeyError, LostKeyError
from privacy.protection.field import TableColumn
from privacy.protection.scan.folder import scan_folders
from privacy.protection.scan.matcher import Matcher
from privacy.protection.scan.needle import Needle
from tests.pipelines.ingest.shop import COLUMNS, Shop, csv_of, sale
from tests.pipelines.ingest.test_field_encryption import bronze, reveal

TODAY = date(2017, 3, 5)
OLD, NEW = "2015-12-31", "2017-03-01"
PERSONAL: dict[str, dict[str, Any]] = {
    **COLUMNS,
    "phone": {**COLUMNS["phone"], "identifierRole": "direct"},
}
GONE, KEPT = "s4711001", "s4711004"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop with old rows of persons 1 and 2 and new rows of persons 2 and 4."""
    made = Shop(tmp_path)
    made.contract_with(PERSONAL, subject="phone")
    lines = [sale(1, day=OLD), sale(2, day=OLD), sale(4, day=NEW), sale(2, day=NEW).replace("s2", "s3")]
    made.land("a.csv", csv_of(*lines).replace("s1,", f"{GONE},").replace("s4,", f"{KEPT},"))
    assert made.load().rows_added == 4
    return made


def contracts(shop: Shop) -> Contracts:
    return load_contracts([shop.folder / "contracts"])


def plans(shop: Shop, today: date = TODAY) -> dict[str, RetentionPlan]:
    return {plan.table: plan for plan in plan_retention(shop.lakehouse, contracts(shop), today)}


def applied(shop: Shop, today: date = TODAY) -> dict[str, RetentionResult]:
    done = apply_retention(shop.lakehouse, contracts(shop), shop.protection, today, allowed_share=1.0)
    return {outcome.plan.table: outcome for outcome in done}


def found(shop: Shop) -> set[str]:
    report = scan_folders([shop.folder / "lakehouse"], Matcher([Needle("gone", GONE), Needle("kept", KEPT)]))
    assert report.undecoded == ()
    return {finding.needle for finding in report.findings}


def test_a_plan_counts_due_and_kept_rows_and_deletes_nothing(shop: Shop) -> None:
    plan = plans(shop)["bronze/sale"]
    assert (plan.rows, plan.due_rows, plan.counts_from, plan.before) == (4, 2, "sold_at", date(2016, 3, 4))
    assert [(hold.rows, hold.reason) for hold in plan.held] == [(2, "Kept for 366 days from sold_at.")]
    assert plan.next_due == date(2018, 3, 3)
    assert plan.basis == "Test"
    assert plans(shop)["bronze/sale"].due_rows == 2
    assert found(shop) == {"gone", "kept"}


def test_the_last_day_of_the_retention_is_kept(shop: Shop) -> None:
    assert plans(shop, date(2016, 12, 31))["bronze/sale"].due_rows == 0
    assert plans(shop, date(2017, 1, 1))["bronze/sale"].due_rows == 2


def test_due_rows_are_gone_from_every_file(shop: Shop) -> None:
    outcome = applied(shop)["bronze/sale"]
    assert (outcome.deleted, outcome.keys_destroyed) == (2, 1)
    assert shop.ids() == ["s3", KEPT]
    assert found(shop) == {"kept"}


@pytest.mark.parametrize(("allowed", "is_deleted"), [(0.2, False), (0.49, False), (0.5, True), (1.0, True)])
def test_more_than_the_allowed_share_of_a_table_is_not_deleted(shop: Shop, allowed: float, is_deleted: bool) -> None:
    """Two of the four rows are due."""
    arguments = (shop.lakehouse, contracts(shop), shop.protection, TODAY)
    if is_deleted:
        assert sum(outcome.deleted for outcome in apply_retention(*arguments, allowed)) == 2
        return
    with pytest.raises(RetentionError, match=r"bronze/sale \(2 of 4, 50%\).*--allow-share 0\.5`"):
        apply_retention(*arguments, allowed)
    assert len(shop.ids()) == 4


def test_without_an_allowed_share_no_date_deletes_more_than_a_fifth_of_a_table(shop: Shop) -> None:
    for today in (TODAY, date(2099, 12, 31)):
        with pytest.raises(RetentionError, match="Nothing was deleted: more than 20% of a table is due"):
            apply_retention(shop.lakehouse, contracts(shop), shop.protection, today)
    assert len(shop.ids()) == 4


def test_quarantine_counts_as_one_table_for_its_share() -> None:
    plan = RetentionPlan("bronze/quarantine", "source.a", 2, 2, "true", "quarantined_at", TODAY, (), None, "Test")
    other = replace(plan, contract_id="source.b", rows=8, due_rows=0, due=None)
    refuse_large([plan, other])
    with pytest.raises(RetentionError, match=r"bronze/quarantine \(2 of 9, 22%\).*--allow-share 0\.23`"):
        refuse_large([plan, replace(other, rows=7)])


def test_rows_that_became_due_after_somebody_agreed_are_not_deleted(shop: Shop) -> None:
    agreed = plan_retention(shop.lakehouse, contracts(shop), TODAY)
    shop.land("b.csv", csv_of(sale(5, day=OLD)))
    shop.load()
    arguments = (shop.lakehouse, contracts(shop), shop.protection, TODAY, 1.0)
    with pytest.raises(RetentionError, match="changed since they were shown"):
        apply_retention(*arguments, agreed)
    assert len(shop.ids()) == 5
    now = plan_retention(shop.lakehouse, contracts(shop), TODAY)
    assert sum(outcome.deleted for outcome in apply_retention(*arguments, now)) == 3


def test_deleted_rows_stay_in_files_while_the_table_keeps_its_history(shop: Shop) -> None:
    """Negative control of the test above."""
    due = plans(shop)["bronze/sale"].due
    assert due is not None
    assert shop.lakehouse.delete("bronze/sale", due) == 2
    assert found(shop) == {"gone", "kept"}


def test_remaining_rows_are_readable_and_a_second_run_deletes_nothing(shop: Shop) -> None:
    applied(shop)
    clear, _ = reveal(shop, bronze(shop))
    assert sorted(clear["phone"].to_pylist()) == ["010-0000-0002", "010-0000-0004"]
    version = shop.lakehouse.version("bronze/sale")
    again = applied(shop)["bronze/sale"]
    assert (again.deleted, again.keys_destroyed) == (0, 0)
    assert shop.lakehouse.version("bronze/sale") == version


def test_a_backup_of_a_person_without_rows_cannot_be_decrypted(shop: Shop) -> None:
    backup = bronze(shop)
    applied(shop)
    clear, _ = reveal(shop, backup)
    by_id = dict(zip(clear["sale_id"].to_pylist(), clear["phone"].to_pylist(), strict=True))
    assert by_id == {GONE: None, "s2": "010-0000-0002", "s3": "010-0000-0002", KEPT: "010-0000-0004"}
    position = backup["sale_id"].to_pylist().index(GONE)
    token = shop.protection.tokens.token("phone", "010-0000-0001")
    sealed = backup["phone"].slice(position, 1).combine_chunks()
    with pytest.raises((DestroyedKeyError, LostKeyError)):
        shop.protection.cipher.decrypt(sealed, _names(f"sale:{token}"), TableColumn("bronze/sale", "phone"))


def test_a_file_that_was_loaded_is_not_loaded_again_after_its_rows_were_deleted(shop: Shop) -> None:
    applied(shop)
    report = shop.load()
    assert (report.files_new, report.rows_added) == (0, 0)
    assert shop.ids() == ["s3", KEPT]


def test_a_retention_hold_keeps_due_rows_and_states_its_reason(shop: Shop) -> None:
    shop.contract_with(PERSONAL, subject="phone", hold="{where: \"store = '서울'\", reason: A dispute.}")
    plan = plans(shop)["bronze/sale"]
    assert plan.due_rows == 0
    assert [(hold.rows, hold.reason) for hold in plan.held][-1] == (2, "A dispute.")
    assert applied(shop)["bronze/sale"].deleted == 0


def test_quarantined_rows_have_the_retention_of_their_source(shop: Shop) -> None:
    shop.land("b.csv", csv_of(sale(9, store="대구")))
    assert shop.load().rows_quarantined == 1
    assert plans(shop)["bronze/quarantine"].due_rows == 0
    later = date(2019, 6, 1)
    assert applied(shop, later)["bronze/quarantine"].deleted == 1
    assert shop.records() == []


def _names(name: str) -> Any:
    import pyarrow as pa

    return pa.array([name])
