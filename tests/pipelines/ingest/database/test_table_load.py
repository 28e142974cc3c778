"""Tables of a real PostgreSQL and a real MariaDB are loaded once, followed, and left where they are."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from installation.source_credential import SourceCredential
from pipelines.ingest.database import stale_row, table_load
from pipelines.ingest.database.cursor import Cursor
from pipelines.ingest.load_verdict import judge_loads
from tests.database_server import Server, free_port
from tests.pipelines.ingest.database.conftest import TableShop
from tests.pipelines.ingest.shop import NOW, Shop

COLUMNS: dict[str, dict[str, Any]] = {
    "sale_id": {"physical": "bigint", "primaryKey": True, "primaryKeyPosition": 1, "required": True},
    "store": {"physical": "string", "physicalName": "store_name", "required": True},
    "amount": {"physical": "decimal(12,2)", "minimum": 0},
    "sold_at": {"physical": "timestamp_ntz", "touchpointRole": "event_time"},
    "changed_at": {"physical": "timestamp_ntz"},
}
TABLE = """
CREATE TABLE sale (sale_id bigint PRIMARY KEY, store_name varchar(40), amount numeric(12,2), sold_at timestamp(6) NULL,
  changed_at timestamp(6) NULL, secret_note varchar(40))
"""


@pytest.fixture
def table(shop: Shop, server: Server, reader: SourceCredential) -> TableShop:
    server.run("SET time_zone = '+00:00'" if server.kind == "mysql" else "SET TIME ZONE 'UTC'")
    server.run(TABLE)
    return TableShop(shop, server, COLUMNS, {"cursor": "changed_at", "deletions": "compare"}, reader)


def put(table: TableShop, number: int, changed: str = "2017-12-31 10:00:00", amount: str = "1.50", **more: Any) -> None:
    """Insert or replace one sale."""
    values = (number, more.get("store", "서울"), amount, "2017-12-30 09:00:00", changed, "not in the contract")
    table.server.run("DELETE FROM sale WHERE sale_id = %s", number)
    table.server.run("INSERT INTO sale VALUES (%s, %s, %s, %s, %s, %s)", *values)


def sales(table: TableShop) -> list[tuple[int, str]]:
    return [(number, str(amount)) for number, amount in table.shop.rows(("sale_id", "amount"))]


def files_with(table: TableShop, content: bytes) -> list[Path]:
    """The files of the data folder that contain these bytes."""
    return [path for path in table.shop.folder.rglob("*") if path.is_file() and content in path.read_bytes()]


def test_new_changed_and_deleted_rows_are_followed_and_nothing_is_loaded_twice(table: TableShop) -> None:
    for number in range(1, 11):
        put(table, number)
    first = table.load()
    assert (first.faults, first.rows_added, len(sales(table))) == ((), 10, 10)
    version = table.shop.lakehouse.version("bronze/sale")
    again = table.later(minutes=5).load()
    assert (again.files_new, again.rows_added, again.rows_known) == (0, 0, 10)
    assert table.shop.lakehouse.version("bronze/sale") == version
    put(table, 11, "2018-01-01 12:10:00")
    put(table, 3, "2018-01-01 12:10:00", amount="9.99")
    table.server.run("DELETE FROM sale WHERE sale_id = 7")
    changed = table.later(minutes=10).load()
    assert (changed.rows_added, changed.rows_replaced, changed.rows_deleted) == (2, 1, 1)
    assert sales(table) == sorted([*((n, "1.50") for n in (1, 2, 4, 5, 6, 8, 9, 10, 11)), (3, "9.99")], key=repr)
    assert table.later(minutes=1).load().files_new == 0


def test_only_rows_from_the_cursor_on_are_read(table: TableShop) -> None:
    for number in range(1, 5):
        put(table, number, f"2017-12-{20 + number} 10:00:00")
    put(table, 5, "2017-12-31 10:00:00")
    table.load()
    put(table, 6, "2017-12-31 09:30:00")
    late = table.later(minutes=1).load()
    assert (late.rows_read, late.rows_added) == (2, 1)
    # Committed later than the lookback of an hour reaches: seen by nobody, as the documentation says.
    put(table, 7, "2017-12-31 08:59:59")
    assert table.later(minutes=1).load().rows_added == 0
    table.custom["lookback"] = 7200
    assert table.later(minutes=1).load().rows_added == 1


def test_without_a_lookback_a_late_commit_would_be_missed(table: TableShop) -> None:
    table.custom["lookback"] = 0
    put(table, 1, "2017-12-31 10:00:00")
    table.load()
    put(table, 2, "2017-12-31 09:59:59")
    assert table.later(minutes=1).load().rows_added == 0
    table.custom["lookback"] = 1
    assert table.later(minutes=1).load().rows_added == 1


def test_rows_without_a_cursor_are_read_each_time(table: TableShop) -> None:
    put(table, 1)
    table.load()
    table.server.run("INSERT INTO sale VALUES (2, 'a', 1, NULL, NULL, NULL)")
    assert table.later(minutes=1).load().rows_added == 1
    assert table.later(minutes=1).load().rows_known == 2


def test_a_row_of_the_year_2099_does_not_hide_later_changes(table: TableShop) -> None:
    put(table, 1, "2037-01-01 00:00:00")
    table.load()
    put(table, 2, "2018-01-01 12:04:00")
    assert table.later(minutes=5).load().rows_added == 1


def test_if_the_future_moved_the_mark_later_changes_would_be_missed(
    table: TableShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cursor, "latest", lambda *_: None)
    put(table, 1, "2037-01-01 00:00:00")
    table.load()
    put(table, 2, "2018-01-01 12:04:00")
    assert table.later(minutes=5).load().rows_added == 0


@pytest.mark.parametrize("step", ["commit", "replace", "gone"])
def test_a_load_that_is_killed_at_a_step_is_finished_by_the_next(
    table: TableShop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    for number in range(1, 11):
        put(table, number)
    table.load()
    put(table, 1, "2018-01-01 12:00:00", amount="7")
    put(table, 11, "2018-01-01 12:00:00")
    table.server.run("DELETE FROM sale WHERE sale_id = 2")
    place = {
        "commit": (table_load.BronzeTable, "commit"),
        "replace": (table_load, "delete_replaced"),
        "gone": (stale_row, "_delete"),
    }[step]
    with monkeypatch.context() as patch:
        patch.setattr(*place, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            table.later(minutes=1).load()
    table.later(minutes=1).load()
    assert sales(table) == sorted([(1, "7.00"), *((n, "1.50") for n in range(3, 12))], key=repr)
    assert table.later(minutes=1).load().files_new == 0


def test_a_row_that_breaks_the_contract_is_quarantined_once_and_loads_after_the_correction(table: TableShop) -> None:
    put(table, 1)
    put(table, 2, amount="-1")
    first = table.load()
    assert (first.rows_added, first.rows_quarantined) == (1, 1)
    table.later(minutes=1).load()
    name = "shop.sale" if table.server.kind == "mysql" else "shop.public.sale"
    assert table.shop.quarantine("column", "rule", "file") == [("amount", "bounds", name)]
    assert [record["amount"] for record in table.shop.records()] == ["-1.00"]
    put(table, 2, "2018-01-01 12:02:00", amount="3")
    assert table.later(minutes=2).load().rows_added == 1
    table.columns = {**COLUMNS, "amount": {"physical": "decimal(12,2)"}}
    table.shop.contract = table.contract()
    assert table.shop.replay().rows_added == 1
    # The quarantined row is older than the one that the database has, so it does not replace it.
    assert sales(table) == [(1, "1.50"), (2, "3.00")]


def test_many_deletions_at_once_are_refused_and_new_rows_are_kept(table: TableShop) -> None:
    for number in range(1, 11):
        put(table, number)
    table.load()
    table.server.run("DELETE FROM sale WHERE sale_id <= 5")
    put(table, 11, "2018-01-01 12:00:00")
    result = table.later(minutes=1).load()
    assert (
        "5 of 11 rows (45.5 %) are gone from the table, more than the 20 % of deletionLimit" in result.refused[0].reason
    )
    assert (result.rows_added, result.rows_deleted, len(sales(table))) == (1, 0, 11)
    table.custom["deletionLimit"] = 50
    result = table.later(minutes=1).load()
    assert (result.refused, result.rows_deleted, len(sales(table))) == ((), 5, 6)


def test_deletions_are_not_noticed_with_keep(table: TableShop) -> None:
    table.custom["deletions"] = "keep"
    put(table, 1)
    put(table, 2)
    table.load()
    table.server.run("DELETE FROM sale")
    assert table.later(minutes=1).load().rows_deleted == 0
    assert len(sales(table)) == 2


def test_a_table_without_a_cursor_is_read_whole_and_compared(table: TableShop) -> None:
    del table.custom["cursor"]
    for number in range(1, 11):
        put(table, number)
    assert table.load().rows_added == 10
    put(table, 1, amount="2")
    table.server.run("DELETE FROM sale WHERE sale_id = 2")
    second = table.later(minutes=1).load()
    assert (second.rows_added, second.rows_known, second.rows_replaced, second.rows_deleted) == (1, 8, 1, 1)
    assert table.later(minutes=1).load().files_new == 0


def test_an_encrypted_key_is_compared_by_its_token(table: TableShop, server: Server) -> None:
    server.run("DROP TABLE sale")
    server.run("CREATE TABLE sale (member_no varchar(20) PRIMARY KEY, name varchar(40))")
    table.columns = {
        "member_no": {
            "physical": "string",
            "primaryKey": True,
            "required": True,
            "token": "member_no",
            "identifierRole": "direct",
        },
        "name": {"physical": "string", "identifierRole": "direct", "encrypted": True},
    }
    table.custom = {"deletions": "compare", "deletionLimit": 100}
    for number in range(3):
        server.run("INSERT INTO sale VALUES (%s, %s)", f"M{number}", f"Kim {number}")
    assert table.load().rows_added == 3
    server.run("UPDATE sale SET name = 'Lee' WHERE member_no = 'M1'")
    server.run("DELETE FROM sale WHERE member_no = 'M2'")
    second = table.later(minutes=1).load()
    assert (second.rows_added, second.rows_replaced, second.rows_deleted) == (1, 1, 1)
    tokens = {row[0] for row in table.shop.rows(("member_no_token",))}
    assert len(tokens) == len(table.shop.rows(("member_no_token",))) == 2
    assert files_with(table, b"Kim") == []


def test_rows_whose_retention_has_ended_are_not_loaded_again_after_their_deletion(table: TableShop) -> None:
    del table.custom["cursor"]
    table.custom["deletions"] = "keep"
    put(table, 1)
    put(table, 2)
    table.server.run("UPDATE sale SET sold_at = '2017-01-01 11:00:00' WHERE sale_id = 1")
    assert table.load().rows_added == 2
    table.later(days=10)
    table.shop.lakehouse.delete("bronze/sale", "sold_at < '2017-01-02'")
    again = table.later(days=1).load()
    assert (again.rows_read, again.rows_added, sales(table)) == (1, 0, [(2, "1.50")])


def test_without_the_retention_a_deleted_row_would_come_back(table: TableShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_load._TableLoad, "_unexpired", lambda _, batch: (batch.passed, batch.passed_rows))
    with pytest.raises(AssertionError):
        test_rows_whose_retention_has_ended_are_not_loaded_again_after_their_deletion(table)


def test_only_columns_of_the_contract_are_read_and_others_are_no_drift(table: TableShop) -> None:
    put(table, 1)
    result = table.load()
    assert (result.drift, result.notes, result.faults) == ((), (), ())
    assert not [
        path for path in table.shop.folder.rglob("*") if path.is_file() and b"not in the contr" in path.read_bytes()
    ]


class TestRefusals:
    """A table that cannot be read is refused with its reason, once, and read by the next run that can."""

    @pytest.fixture(
        params=["no answer", "wrong password", "no credentials", "open file", "no table", "no column", "cursor"]
    )
    def broken(self, request: pytest.FixtureRequest, table: TableShop, private_password: Path) -> tuple[TableShop, str]:
        put(table, 1)
        if request.param == "no answer":
            table.port = free_port()
            return table, "let us in"
        if request.param == "wrong password":
            private_password.write_text("wrong")
            return table, "reader"
        if request.param == "no credentials":
            table.credential = None
            return table, "source_credentials has no entry shop"
        if request.param == "no table":
            table.table = "sales"
            return table, "there is no table shop"
        if request.param == "no column":
            table.server.run("ALTER TABLE sale DROP COLUMN store_name")
            return table, "column store_name is missing"
        if request.param == "cursor":
            table.custom["cursor"] = "sale_id"
            table.server.run("ALTER TABLE sale DROP COLUMN sale_id")
            return table, "column sale_id is missing in shop"
        private_password.chmod(0o644)
        return table, "chmod 600"

    def test_the_reason_is_given_once_and_no_secret_is_printed(self, broken: tuple[TableShop, str]) -> None:
        table, reason = broken
        for minutes in (1, 2):
            result = table.later(minutes=minutes).load()
            assert reason in result.refused[0].reason
            assert "p@ss" not in repr(result)
            assert result.rows_added == 0
        assert len(table.shop.quarantine()) == 1


def test_a_table_is_read_again_after_its_refusal(table: TableShop) -> None:
    put(table, 1)
    table.table = "sales"
    assert table.load().refused
    table.table = "sale"
    result = table.later(minutes=1).load()
    assert (result.refused, result.rows_added) == ((), 1)
    assert table.shop.quarantine("replayed_load_id") == [(result.load_id,)]


def test_a_view_is_read_like_a_table(table: TableShop) -> None:
    put(table, 1)
    table.server.run("DROP VIEW IF EXISTS recent")
    table.server.run("CREATE VIEW recent AS SELECT * FROM sale")
    table.table = "recent"
    try:
        assert table.load().rows_added == 1
    finally:
        table.server.run("DROP VIEW recent")


def test_the_session_cannot_write(table: TableShop) -> None:
    from pipelines.ingest.database.connector import open_database
    from pipelines.ingest.fault import FileFaultError

    table.server.run("GRANT INSERT ON sale TO reader")
    contract = table.contract()
    assert contract.file is not None
    with open_database(contract.file.origin, table.credential) as database, pytest.raises(FileFaultError):  # type: ignore[arg-type]
        list(database.batches("INSERT INTO sale (sale_id) VALUES (1)", None))


assert datetime.datetime(2018, 1, 1, 12) == NOW


def test_a_refused_table_fails_the_run_and_a_repeated_quarantined_row_does_not(table: TableShop) -> None:
    for number in range(1, 201):
        put(table, number)
    put(table, 1, amount="-1")
    for minutes in (0, 1):
        result = table.later(minutes=minutes).load()
        verdict = judge_loads(table.shop.contract, table.shop.lakehouse, result)
        assert (verdict.faults, verdict.rows_quarantined, verdict.rows_read) == ((), 1, 200)
    put(table, 201, "2018-01-01 12:01:30")
    verdict = judge_loads(table.shop.contract, table.shop.lakehouse, table.later(minutes=1).load())
    assert (verdict.faults, verdict.rows_quarantined, verdict.rows_read) == ((), 0, 1)
    table.port = free_port()
    verdict = judge_loads(table.shop.contract, table.shop.lakehouse, table.later(minutes=1).load())
    assert len(verdict.faults) == 1
    assert "does not let us in" in verdict.faults[0]


@pytest.mark.parametrize(("kind", "first", "late", "unseen"), [
    ("bigint", 10_000, 6_400, 6_399), ("date", "2017-12-20", "2017-12-19", "2017-12-18"),
])  # fmt: skip
def test_a_cursor_of_numbers_or_days_looks_back(
    table: TableShop, kind: str, first: Any, late: Any, unseen: Any
) -> None:
    table.server.run(f"ALTER TABLE sale ADD COLUMN seen {kind}")
    table.columns = {**COLUMNS, "seen": {"physical": kind}}
    table.custom["cursor"] = "seen"
    for number, seen in ((1, first), (2, unseen), (3, late)):
        table.server.run("INSERT INTO sale (sale_id, store_name, seen) VALUES (%s, 'a', %s)", number, seen)
        result = table.later(minutes=1).load()
        assert result.rows_added == (number != 2), (kind, seen)
    assert result.rows_read == 2


def test_names_with_quotes_spaces_and_hangul_are_read(table: TableShop) -> None:
    quote = '"' if table.server.kind == "postgresql" else "`"
    name, column = f"판매 {quote}x", f"금액's {quote}%"
    place, field = (quote + text.replace(quote, quote * 2) + quote for text in (name, column))
    table.server.run(f"DROP TABLE IF EXISTS {place}")
    # A literal % in a statement with values would be a placeholder.
    table.server.run(f"CREATE TABLE {place} (sale_id bigint PRIMARY KEY, {field} numeric(12,2))")
    table.server.run(f"INSERT INTO {place} VALUES (1, 2.50)")
    table.columns = {"sale_id": COLUMNS["sale_id"], "amount": {"physical": "decimal(12,2)", "physicalName": column}}
    table.table = json.dumps(name, ensure_ascii=False)
    table.custom = {"deletions": "compare"}
    result = table.load()
    table.server.run(f"DROP TABLE {place}")
    assert (result.faults, sales(table)) == ((), [(1, "2.50")])
