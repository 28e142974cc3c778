"""A table without personal data stores no row hash, and a load still recognises every row that it has."""

from __future__ import annotations

import datetime
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from pipelines.ingest import hash_layout, known_row, stored_hash
from pipelines.ingest.bronze import bronze_schema
from pipelines.ingest.row_hash import hash_rows
from pipelines.ingest.stored_hash import stores_row_hash
from privacy.protection.source_person import HASH_COLUMNS
from tests.pipelines.ingest.shop import COLUMNS, Shop, csv_of, sale
from tests.pipelines.migration.test_migration import migrate

PLAIN = {name: dict(column) for name, column in COLUMNS.items()}
del PLAIN["phone"]["token"]
EVERY_TYPE: dict[str, dict[str, Any]] = {
    "sale_id": {"physical": "string", "primaryKey": True, "required": True},
    "word": {"physical": "string"},
    "small": {"physical": "int"},
    "big": {"physical": "bigint"},
    "money": {"physical": "decimal(12,2)"},
    "ratio": {"physical": "double"},
    "short": {"physical": "float"},
    "day": {"physical": "date"},
    "sold_at": {"physical": "timestamp_ntz", "required": True, "touchpointRole": "event_time"},
    "flag": {"physical": "boolean"},
}
NOON = datetime.datetime(2017, 3, 1, 12)
DRAWS: dict[str, Callable[[random.Random], Any]] = {
    "sale_id": lambda rng: f"s{rng.randrange(40)}",
    "word": lambda rng: rng.choice([None, "", "서울", "x" * 300]),
    "small": lambda rng: rng.choice([None, 0, -1, 7]),
    "big": lambda rng: rng.choice([None, 0, 2**62]),
    "money": lambda rng: rng.choice([None, "-0.05", "12.5"]),
    "ratio": lambda rng: rng.choice([None, 0.0, -0.0, 0.1]),
    "short": lambda rng: rng.choice([None, 0.5, 0.1]),
    "day": lambda rng: rng.choice([None, NOON.date()]),
    "sold_at": lambda rng: NOON + datetime.timedelta(microseconds=rng.choice([0, 1, 1000])),
    "flag": lambda rng: rng.choice([None, True, False]),
}


@pytest.fixture
def plain(shop: Shop) -> Shop:
    shop.contract_with(PLAIN)
    return shop


def names(shop: Shop) -> list[str]:
    return [field.name for field in shop.lakehouse.delta("bronze/sale").schema().fields]


def stored_as_before(monkeypatch: pytest.MonkeyPatch, load: Callable[[], object]) -> None:
    """Load as a version that stores the hash in every table."""
    with monkeypatch.context() as patch:
        patch.setattr(stored_hash, "stores_row_hash", lambda _: True)
        patch.setattr("pipelines.ingest.bronze.stores_row_hash", lambda _: True)
        patch.setattr(hash_layout, "stores_row_hash", lambda _: True)
        load()


def test_only_a_table_without_personal_data_stores_no_hash(shop: Shop) -> None:
    assert stores_row_hash(shop.contract), "a token"
    assert not stores_row_hash(shop.contract_with(PLAIN))
    assert stores_row_hash(shop.contract_with(PLAIN, subject="phone"))
    assert stores_row_hash(shop.contract_with({**PLAIN, "note": {"physical": "string", "encrypted": "true"}}))
    personal = {**PLAIN, "store": {**PLAIN["store"], "category": "pd:Location"}}
    contract = shop.contract_with(personal)
    assert stores_row_hash(contract)
    assert set(HASH_COLUMNS) <= set(bronze_schema(contract).names)


@pytest.mark.parametrize("rows_at_once", [1 << 22, 16])
def test_rows_of_every_type_are_known_again_from_their_columns(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(known_row, "ROWS_PER_PART", rows_at_once)
    shop.contract_with(EVERY_TYPE, format="parquet")
    rng = random.Random(7)
    rows = [tuple(draw(rng) for draw in DRAWS.values()) for _ in range(200)]
    first, second = rows[:120], rows[60:] + rows[:5]
    rng.shuffle(second)
    for number, part in enumerate((first, second)):
        table = pa.table({name: [row[place] for row in part] for place, name in enumerate(DRAWS)})
        path = shop.landing / "sale" / f"{number}.parquet"
        pq.write_table(table, path)
        report = shop.load()
        assert report.rows_quarantined == 0
    assert not set(HASH_COLUMNS) & set(names(shop))
    seen, again = Counter(map(repr, first)), Counter(map(repr, second))
    assert report.rows_known == sum(min(count, seen[row]) for row, count in again.items()) > 60


def test_a_table_with_stored_hashes_loses_them_at_the_next_load_and_knows_its_rows(
    plain: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.land("a.csv", csv_of(*(sale(n) for n in range(30))))
    stored_as_before(monkeypatch, plain.load)
    assert set(HASH_COLUMNS) <= set(names(plain))
    before = plain.lakehouse.rows("bronze/sale").drop_columns(list(HASH_COLUMNS))
    plain.land("b.csv", csv_of(*(sale(n) for n in range(25, 35))))
    report = plain.load()
    assert (report.rows_known, report.rows_added) == (5, 5)
    assert report.notes[0].startswith("row hashes were removed from bronze/sale")
    after = plain.lakehouse.rows("bronze/sale")
    assert after.column_names == before.column_names
    assert set(map(repr, before.to_pylist())) <= set(map(repr, after.to_pylist()))
    assert plain.load().files_new == 0, "the table's record of loaded files was lost"
    listed = set(pa.table(plain.lakehouse.delta("bronze/sale").get_add_actions()).column("path").to_pylist())
    assert {path.name for path in Path(plain.lakehouse.path("bronze/sale")).glob("*.parquet")} == listed


def test_a_table_that_becomes_personal_gets_its_hashes_at_the_next_load(plain: Shop) -> None:
    plain.land("a.csv", csv_of(*(sale(n) for n in range(10))))
    plain.load()
    plain.contract_with({**PLAIN, "store": {**PLAIN["store"], "category": "pd:Location"}})
    plain.land("b.csv", csv_of(*(sale(n) for n in range(8, 12))))
    report = plain.load()
    assert (report.rows_known, report.rows_added) == (2, 2)
    table = plain.lakehouse.rows("bronze/sale")
    columns = {one.name: table[one.name].combine_chunks() for one in plain.contract.columns}
    low, high = hash_rows(columns, table.num_rows)
    for name, half in zip(HASH_COLUMNS, (low, high), strict=True):
        assert table[name].to_pylist() == half.view("int64").tolist()
    assert table.column_names == bronze_schema(plain.contract).names


@pytest.mark.parametrize("phone", [{"token": "phone"}, {"token": "phone", "identifierRole": "direct"}])
def test_a_migrated_table_that_becomes_personal_has_hashes_as_a_fresh_load(plain: Shop, phone: dict[str, str]) -> None:
    """Tokens, ciphertexts bound to rows, and known rows need the hash that the table did not store."""
    plain.land("a.csv", csv_of(*(sale(n) for n in range(10))))
    plain.load()
    plain.contract_with({**PLAIN, "phone": {**PLAIN["phone"], **phone}})
    migrate(plain)
    plain.land("b.csv", csv_of(*(sale(n) for n in range(8, 12))))
    report = plain.load()
    assert (report.rows_known, report.rows_added) == (2, 2)
    assert plain.lakehouse.rows("bronze/sale").column_names == bronze_schema(plain.contract).names


def test_a_rewrite_that_is_killed_leaves_the_table_as_it_was(plain: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    plain.land("a.csv", csv_of(*(sale(n) for n in range(10))))
    stored_as_before(monkeypatch, plain.load)
    files = set(Path(plain.lakehouse.path("bronze/sale")).glob("*.parquet"))

    def fail(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(DeltaTable, "create_write_transaction", fail)
        with pytest.raises(Exception, match="no space left"):
            plain.load()
    assert set(Path(plain.lakehouse.path("bronze/sale")).glob("*.parquet")) == files
    assert len(plain.ids()) == 10
    plain.load()
    assert not set(HASH_COLUMNS) & set(names(plain))


def test_a_hash_that_leaves_out_a_column_makes_different_rows_known(
    plain: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: without one column in the hash, rows that differ only there are lost."""
    monkeypatch.setattr(
        stored_hash, "hash_rows", lambda columns, rows: hash_rows({"sale_id": columns["sale_id"]}, rows)
    )
    plain.land("a.csv", csv_of(sale(1, "서울")))
    plain.load()
    plain.land("b.csv", csv_of(sale(1, "부산")))
    assert plain.load().rows_known == 1
