"""A table follows its changed contract, or the migration is refused with the reason and the table stays as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from installation.contract.document import load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.erasure.legal_record import lock
from pipelines.errors import ContractChangedError, MigrationError
from pipelines.migration import row_change
from pipelines.migration.plan import Action, TablePlan, require_possible
from pipelines.migration.row_change import RowChange
from pipelines.migration.service import migrate_table
from pipelines.table_form.change import compare
from pipelines.table_form.current_form import require_form
from pipelines.table_form.form import form_of, stored_form
from privacy.contract.document import DatabaseTable
from privacy.protection.field import TableColumn
from privacy.protection.source_person import HASH_COLUMNS, row_names
from privacy.protection.suppression import ListedIdentifiers, Suppressed
from tests.pipelines.ingest.shop import COLUMNS, Shop, csv_of, sale
from tests.pipelines.ingest.test_field_encryption import PERSONAL, bytes_below, rows_of
from tests.pipelines.migration.test_generated_change import TABLE, check, plan_for

WIDER = {**COLUMNS, "amount": {**COLUMNS["amount"], "physical": "decimal(14,4)"}}
NARROWER = {**COLUMNS, "amount": {**COLUMNS["amount"], "physical": "decimal(4,1)"}}


def migrate(shop: Shop, **options: Any) -> TablePlan:
    plan, change = plan_for(shop, shop.lakehouse)
    require_possible([plan], **options)
    migrate_table(plan, shop.lakehouse, change, **options)
    return plan


@pytest.fixture
def loaded(shop: Shop) -> Shop:
    shop.land("a.csv", csv_of(sale(1), sale(2, amount="7.25"), sale(3, amount="120000.00")))
    shop.load()
    return shop


def test_a_load_into_a_table_of_another_form_names_the_command_also_without_a_new_file(loaded: Shop) -> None:
    loaded.contract_with(WIDER)
    for _ in range(2):
        with pytest.raises(
            ContractChangedError,
            match=r"widened amount \(decimal\(12,2\) → decimal\(14,4\)\)\. Run `bojagi contracts migrate",
        ):
            loaded.load()
    migrate(loaded)
    loaded.land("b.csv", csv_of(sale(2, amount="7.25"), sale(4)))
    report = loaded.load()
    assert (report.rows_known, report.rows_added) == (1, 1)


def test_a_vanished_column_is_refused_until_it_is_migrated(loaded: Shop) -> None:
    loaded.contract_with({name: spec for name, spec in COLUMNS.items() if name != "pieces"}, schemaDrift="accept")
    with pytest.raises(ContractChangedError, match="dropped pieces"):
        loaded.load()
    migrate(loaded)
    assert "pieces" not in loaded.lakehouse.rows(TABLE).column_names
    loaded.load()


def test_a_table_without_rows_gets_the_new_form_from_a_load(shop: Shop) -> None:
    from pipelines.ingest.bronze import BronzeTable
    from tests.pipelines.ingest.shop import NOW

    BronzeTable(shop.contract, shop.lakehouse).commit([], [], NOW)
    shop.contract_with(WIDER)
    shop.land("a.csv", csv_of(sale(1)))
    assert shop.load().rows_added == 1
    assert str(shop.lakehouse.rows(TABLE).schema.field("amount").type) == "decimal128(14, 4)"


def test_rows_that_do_not_fit_are_named_by_file_and_line_and_nothing_changes(loaded: Shop) -> None:
    loaded.contract_with(NARROWER)
    version = loaded.lakehouse.version(TABLE)
    with pytest.raises(
        MigrationError, match=r"(?s)2 of 3 rows do not fit.*a\.csv, line 3, 4: amount: not a value of type"
    ):
        migrate(loaded)
    assert loaded.lakehouse.version(TABLE) == version


def test_rows_in_quarantine_after_a_migration_are_loaded_by_a_wider_contract(loaded: Shop) -> None:
    before = loaded.rows(["sale_id", "amount", "sold_at", "phone_token"])
    loaded.contract_with(NARROWER)
    migrate(loaded, quarantines=True)
    assert loaded.ids() == ["s1"]
    assert loaded.quarantine() == [(3, "amount", "type"), (4, "amount", "type")]
    loaded.contract_with()
    assert migrate(loaded).action is Action.RESTORE
    loaded.replay()
    assert loaded.rows(["sale_id", "amount", "sold_at", "phone_token"]) == before


def test_the_former_contract_restores_dropped_values_while_nothing_was_loaded(loaded: Shop) -> None:
    before = loaded.rows(["sale_id", "pieces", *HASH_COLUMNS])
    fewer = {name: spec for name, spec in COLUMNS.items() if name != "pieces"}
    loaded.contract_with(fewer, schemaDrift="accept")
    migrate(loaded)
    loaded.contract_with()
    assert migrate(loaded).action is Action.RESTORE
    assert loaded.rows(["sale_id", "pieces", *HASH_COLUMNS]) == before


def test_a_load_after_the_migration_is_kept_when_the_former_contract_comes_back(loaded: Shop) -> None:
    loaded.contract_with(WIDER)
    migrate(loaded)
    loaded.land("b.csv", csv_of(sale(9)))
    loaded.load()
    loaded.contract_with()
    assert migrate(loaded).action is Action.REWRITE
    assert loaded.ids() == ["s1", "s2", "s3", "s9"]
    assert loaded.load().rows_added == 0


def test_a_column_that_becomes_confidential_is_in_no_file_in_clear(shop: Shop) -> None:
    shop.contract_with({**COLUMNS, "note": {"physical": "string"}})
    secret = "a note that nobody may read"
    shop.land("a.csv", csv_of(sale(1).strip() + f",{secret}\n").replace("sold_at", "sold_at,note"))
    shop.load()
    assert secret.encode() in bytes_below(shop.folder / "lakehouse")
    shop.contract_with({**COLUMNS, "note": {"physical": "string", "encrypted": "true"}})
    migrate(shop)
    assert secret.encode() not in bytes_below(shop.folder / "lakehouse")


def test_a_subject_key_and_the_keys_of_erased_persons_stay(shop: Shop) -> None:
    shop.contract_with(PERSONAL, subject="phone")
    shop.land("a.csv", rows_of(1, 2))
    shop.load()
    shop.contract_with({**PERSONAL, "phone": {**PERSONAL["phone"], "token": "device_id"}}, subject="phone")
    assert "the subject key changes" in plan_for(shop, shop.lakehouse)[0].refusals[0]
    card = {**PERSONAL, "card": {**PERSONAL["card"], "token": "card_no"}}
    shop.contract_with(card, subject="phone")
    assert not plan_for(shop, shop.lakehouse)[0].refusals
    migrate(shop)
    shop.contract_with(PERSONAL, subject="phone")
    assert not plan_for(shop, shop.lakehouse)[0].refusals
    listed = ListedIdentifiers(bytes(16), [Suppressed("value", "0" * 64)])
    shop.protection = replace(shop.protection, suppression=listed)
    shop.land("b.csv", rows_of(3))
    shop.contract_with(card, subject="phone")
    shop.load()
    shop.contract_with(PERSONAL, subject="phone")
    assert "erased persons are known by card" in plan_for(shop, shop.lakehouse)[0].refusals[0]


def test_a_hash_by_which_an_erased_row_is_known_does_not_change(loaded: Shop) -> None:
    listed = ListedIdentifiers(bytes(16), [Suppressed("source with rows", "sale")])
    loaded.protection = replace(loaded.protection, suppression=listed)
    loaded.contract_with(WIDER)
    assert "rows of erased persons are known by their hash" in plan_for(loaded, loaded.lakehouse)[0].refusals[0]


def test_what_the_law_keeps_stays_locked_and_a_destroyed_value_stays_lost(shop: Shop) -> None:
    law = {**PERSONAL, "note": {**PERSONAL["note"], "physicalName": "note"}}
    contract = shop.contract_with(law, subject="phone")
    shop.land("a.csv", rows_of(1, 2, 3))
    shop.load()
    rows = shop.lakehouse.rows(TABLE).combine_chunks().to_batches()[0]
    kept = replace(contract, columns=tuple(replace(c, purposes=("legal_records",)) for c in contract.columns))
    locked = lock(kept, rows.slice(0, 1), shop.protection).rows
    shop.lakehouse.overwrite_rows(TABLE, pa.Table.from_batches([locked, rows.slice(1)]))
    token = rows.column("phone_token")[1].as_py()
    shop.protection.cipher.destroy([f"sale:{token}"])
    shop.contract_with({**law, "amount": WIDER["amount"]}, subject="phone")
    wide = shop.contract
    shop.contract = replace(wide, columns=tuple(replace(c, purposes=("legal_records",)) for c in wide.columns))
    migrate(shop)
    found = shop.lakehouse.rows(TABLE).sort_by("_line").combine_chunks()
    assert [value.as_py()[:1] for value in found["note"]] == [b"\x02", b"\x01", b"\x01"]
    assert [value.is_valid for value in found["phone_token"]] == [False, True, True]
    marks = row_names(*(found[name].combine_chunks().to_numpy().view("uint64") for name in HASH_COLUMNS))
    opened = shop.protection.cipher.decrypt(
        found["note"].combine_chunks(), marks, TableColumn(TABLE, "note"), "null", opens_retained=True
    )
    assert opened.to_pylist() == ["비밀 1", None, "비밀 3"]
    closed = shop.protection.cipher.decrypt(found["note"].combine_chunks(), marks, TableColumn(TABLE, "note"), "null")
    assert closed.to_pylist() == [None, None, "비밀 3"]


def test_a_repeated_key_is_refused_where_the_next_load_would_delete_rows(loaded: Shop) -> None:
    keyed = {**COLUMNS, "sale_id": {"physical": "string"}, "store": {**COLUMNS["store"], "primaryKey": True}}
    contract = loaded.contract_with(keyed)
    assert "1 keys (store) occur in more than one row" in plan_for(loaded, loaded.lakehouse)[0].notes[-1]
    assert contract.file is not None
    origin = DatabaseTable("shop", "postgresql", "db.example", 5432, "shop", None, "sale")
    loaded.contract = replace(contract, file=replace(contract.file, origin=origin))
    assert "the next load would delete" in plan_for(loaded, loaded.lakehouse)[0].refusals[0]


def test_a_failed_commit_leaves_the_table_and_its_folder_as_they_were(
    loaded: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    before = sorted(path.name for path in (loaded.folder / "lakehouse").rglob("*"))
    loaded.contract_with(WIDER)
    monkeypatch.setattr(DeltaTable, "create_write_transaction", fail)
    with pytest.raises(MigrationError, match="The table is unchanged"):
        migrate(loaded)
    assert sorted(path.name for path in (loaded.folder / "lakehouse").rglob("*")) == before


def test_a_kept_table_without_a_source_is_migrated_as_well(tmp_path: Path) -> None:
    contract = load_contracts()["silver.identity_decision"]
    lakehouse = Lakehouse(str(tmp_path / "lakehouse"))
    schema = contract.arrow_schema()
    dropped = schema.names[-1]
    lakehouse.append_rows(
        contract.table, schema.empty_table().drop_columns([dropped]).append_column("old", pa.array([], pa.int32()))
    )
    with pytest.raises(ContractChangedError, match="bojagi contracts migrate"):
        require_form(lakehouse, contract, adds_columns=False)
    delta = lakehouse.delta(contract.table)
    difference = compare(stored_form(delta, contract), form_of(contract))
    from pipelines.ingest.load_option import LoadOptions
    from pipelines.migration.service import plan_table
    from tests.pipelines.ingest.shop import NOW
    from tests.protection import open_protection_in

    change = RowChange(contract, difference, open_protection_in(tmp_path / "secret"), LoadOptions(), NOW)
    migrate_table(plan_table(contract, difference, delta, change, lakehouse), lakehouse, change)
    require_form(lakehouse, contract, adds_columns=False)


def test_a_row_hash_that_is_not_exchanged_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_change, "exchange_columns", lambda low, high, *_: (low, high))
    with pytest.raises(AssertionError):
        check(1, tmp_path)


def test_what_an_engine_copied_from_an_input_is_not_taken_for_the_form_of_a_table(loaded: Shop, tmp_path: Path) -> None:
    contract = next(iter(load_contracts().layer("gold")))
    source = loaded.lakehouse.delta(TABLE)
    assert "amount" in stored_form(source, loaded.contract).columns
    copied = pa.schema(source.schema().to_arrow()).field("amount").with_name(contract.columns[0].name)
    lakehouse = Lakehouse(str(tmp_path / "other"))
    lakehouse.append_rows(contract.table, pa.table([pa.array([], copied.type)], schema=pa.schema([copied])))
    stored = stored_form(lakehouse.delta(contract.table), contract).columns[contract.columns[0].name]
    assert stored.headers == form_of(contract).columns[contract.columns[0].name].headers
