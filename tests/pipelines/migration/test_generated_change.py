"""A migrated table equals the table that a load of the same files under the new contract gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.ingest.load_option import LoadOptions
from pipelines.migration.plan import Action, TablePlan
from pipelines.migration.row_change import RowChange
from pipelines.migration.service import migrate_table, plan_table
from pipelines.table_form.change import compare
from pipelines.table_form.form import form_of, stored_form
from privacy.protection.revealer import Revealer
from privacy.protection.source_person import Protection
from tests.pipelines.ingest.shop import NOW, Shop, write_contract
from tests.pipelines.migration.generated_change import Generated, generate

TABLE = "bronze/sale"
OF_A_LOAD = {"_load_id", "_loaded_at"}


def revealed(lakehouse: Lakehouse, contract: Contract, protection: Protection) -> list[dict[str, Any]]:
    """Return the rows of the table as they mean, in the order of the file."""
    rows = lakehouse.select(TABLE)
    plain = Revealer(protection, "subject_rights", lambda *_: None)(contract, rows)
    kept = [name for name in sorted(plain.column_names) if name not in OF_A_LOAD]
    return sorted(plain.select(kept).to_pylist(), key=lambda row: (row["_source_file"], row["_line"]))


def plan_for(shop: Shop, lakehouse: Lakehouse) -> tuple[TablePlan, RowChange]:
    delta = lakehouse.delta(TABLE)
    difference = compare(stored_form(delta, shop.contract), form_of(shop.contract))
    change = RowChange(shop.contract, difference, shop.protection, LoadOptions(), NOW)
    return plan_table(shop.contract, difference, delta, change, lakehouse), change


def contract_of(made: Generated, shop: Shop, *, is_after: bool) -> Contract:
    specs, subject = (made.after, made.subject_after) if is_after else (made.before, "phone")
    shop.contract = write_contract(shop.folder / "contracts", specs, subject=subject, schemaDrift="accept")
    return shop.contract


def check(seed: int, folder: Path) -> str:
    """Migrate the table of a seed, compare it with the truth, put the contract back; return what happened."""
    made, shop = generate(seed), Shop(folder / "old")
    fresh = Shop(folder / "fresh")
    fresh.protection = shop.protection
    contract_of(made, shop, is_after=False)
    for one in (shop, fresh):
        one.land("a.csv", made.content)
    shop.load()
    original = revealed(shop.lakehouse, shop.contract, shop.protection)
    contract_of(made, shop, is_after=True)
    fresh.contract = shop.contract
    plan, change = plan_for(shop, shop.lakehouse)
    if plan.refusals:
        contract_of(made, shop, is_after=False)
        assert revealed(shop.lakehouse, shop.contract, shop.protection) == original
        return f"refused: {plan.refusals[0]}"
    fresh.load()
    broken = {line for line, column, _ in fresh.quarantine() if line is not None}
    assert {line for one in plan.misfits for line in one.lines} == broken, made.done
    migrate_table(plan, shop.lakehouse, change, quarantines=True)
    truth = revealed(fresh.lakehouse, fresh.contract, fresh.protection)
    assert revealed(shop.lakehouse, shop.contract, shop.protection) == truth, made.done
    assert not compare(stored_form(shop.lakehouse.delta(TABLE), shop.contract), form_of(shop.contract)).changes
    if seed % 2:
        shop.land("again.csv", made.content + "\n")
        again = shop.load()
        assert (again.rows_added, again.rows_known) == (0, len(truth)), made.done
        return "migrated"
    contract_of(made, shop, is_after=False)
    back, change = plan_for(shop, shop.lakehouse)
    if back.refusals or back.misfits:
        return "not reverted"
    migrate_table(back, shop.lakehouse, change)
    reverted = revealed(shop.lakehouse, shop.contract, shop.protection)
    if back.action is Action.RESTORE:
        assert reverted == original, made.done
        return "restored"
    return "rewritten back"


@pytest.mark.parametrize("seed", range(14))
def test_a_migrated_table_equals_a_fresh_load(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_more_migrated_tables_equal_a_fresh_load(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)
