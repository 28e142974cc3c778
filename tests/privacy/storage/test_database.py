"""SQLite files: private, durable, and changed in transactions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from privacy.storage.database import open_database, transaction

SCHEMA = "CREATE TABLE IF NOT EXISTS t (a TEXT);"


def test_a_database_is_private_and_flushes_each_commit_by_default(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.db"
    with closing(open_database(path, SCHEMA)) as database:
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with closing(open_database(path, SCHEMA, flushes_commits=False)) as database:
        assert database.execute("PRAGMA synchronous").fetchone() == (1,)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_transaction_commits_all_of_a_block_or_nothing(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "a.db", SCHEMA)) as database:
        with transaction(database):
            database.execute("INSERT INTO t VALUES ('kept')")
        with pytest.raises(sqlite3.OperationalError), transaction(database):
            database.execute("INSERT INTO t VALUES ('lost')").execute("not SQL")
        assert database.execute("SELECT a FROM t").fetchall() == [("kept",)]


@pytest.mark.parametrize("overwrites", [False, True])
def test_deleted_content_is_gone_from_the_disk_only_if_it_is_overwritten(tmp_path: Path, overwrites: bool) -> None:
    secret = "a" * 40 + "secret" + "b" * 40
    with closing(open_database(tmp_path / "a.db", SCHEMA, overwrites=overwrites)) as database:
        database.execute("INSERT INTO t VALUES (?)", (secret,))
        database.execute("DELETE FROM t")
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert (secret.encode() in files) is not overwrites


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("x" * 5000)
    with pytest.raises(sqlite3.DatabaseError):
        open_database(tmp_path / "a.db", SCHEMA)
