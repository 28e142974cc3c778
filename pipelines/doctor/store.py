"""Examines the lakehouse, the database and every store: each is opened as a command does, if it exists already."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from installation.database import HEAD, version_of
from installation.installation import Installation
from installation.lakehouse_claim import ClaimTable, read_claim
from installation.secret_key import MADE, check_file
from installation.store_file import FILES, StoreFile
from pipelines.doctor.examination import Examination, Result
from pipelines.doctor.machine import CLOCK_REMEDY
from privacy.storage.database import is_unwritten

_TOLERATED_SECONDS = 5.0
_RESTORE = "Restore it from the newest backup; docs/operate/runbooks.md#store_damaged"


def of_stores(installation: Installation) -> Iterator[Examination]:
    """Yield the examinations of the lakehouse, the database and the stores."""
    yield Examination("contracts", lambda: _contracts(installation))
    yield Examination("lakehouse", lambda: _lakehouse(installation), "Check lakehouse_root and storage_options.")
    if installation.settings.database is not None:
        yield Examination("database", lambda: _database(installation), "Start PostgreSQL, and check `database`.")
    yield Examination("keys", lambda: _keys(installation))
    for store in FILES:
        yield Examination(f"store {store.store}", _of_store(installation, store), _RESTORE)


def _contracts(installation: Installation) -> Result:
    return Result.ok(f"{len(installation.contracts)} contracts")


def _lakehouse(installation: Installation) -> Result:
    settings, tables = installation.settings, installation.lakehouse
    claim, _ = read_claim(ClaimTable(tables.root, tables.storage_options))
    if claim is None:
        found = sum(tables.exists(one.table) for one in installation.contracts.values())
        if found:
            about = f"{settings.lakehouse_root} has {found} tables of a version that noted no owner"
            return Result.warn(about, "bojagi run makes it the lakehouse of this installation.")
        return Result.skip(f"{settings.lakehouse_root} can be read, and has no tables yet")
    if not settings.token_key_file.exists():
        return Result.fail(f"{settings.lakehouse_root} was made with secrets that are not here", _MISSING)
    fingerprint = installation.tokenizer.derived_key("lakehouse claim").hex()
    if not hmac.compare_digest(claim.fingerprint, fingerprint):
        return Result.fail(f"{settings.lakehouse_root} belongs to an installation with other secrets", _MISSING)
    holder = f"; a run works in it ({claim.holder})" if claim.holder else ""
    return Result.ok(f"{settings.lakehouse_root} belongs to this installation{holder}")


_MISSING = "Restore secret_dir from its backup; docs/operate/runbooks.md#secret_missing"


def _database(installation: Installation) -> Result:
    import psycopg

    server = installation.server
    assert server is not None
    found = version_of(server.conninfo)
    if found is None:
        return Result.skip(f"{server.name} is empty; the first command makes the tables")
    if found != HEAD:
        return Result.fail(f"{server.name}: tables of version {found}, expected {HEAD}", "Run bojagi upgrade.")
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    skew = (row[0] - datetime.now(UTC)).total_seconds() if row else 0.0
    if abs(skew) > _TOLERATED_SECONDS:
        return Result.fail(f"{server.name}: its clock differs by {skew:+.0f} s", CLOCK_REMEDY)
    server.open("audit")
    return Result.ok(f"{server.name}, tables of version {found}, clock {skew:+.1f} s")


def _keys(installation: Installation) -> Result:
    """Open each key that exists or was used; none is made, because one that was used and is missing is refused."""
    settings = installation.settings
    if not settings.token_key_file.exists() and not (settings.data_dir / "token.check").exists():
        return Result.skip("no key was made yet")
    _ = installation.tokenizer
    there = [name for name in MADE if (settings.secret_dir / name).exists() or check_file(settings, name).exists()]
    for name in there:
        installation.open_key(name)
    return Result.ok(f"token.key and {len(there)} others fit the tables")


def _of_store(installation: Installation, store: StoreFile) -> Callable[[], Result]:
    def examine() -> Result:
        file = store.of(installation.settings)
        opening = _OPENINGS.get(store.store)
        if installation.server is None:
            anchor = installation.settings.secret_dir / _ANCHORS.get(store.store, "")
            # The data folder has a fingerprint of a store in the secret folder, also when all secrets are lost.
            check = check_file(installation.settings, store.path)
            traces = [anchor] if store.store in _ANCHORS and anchor.exists() else []
            traces += [check] if store.is_secret and check.exists() else []
            if not file.exists() and not traces:
                return Result.skip("not used yet")
            if not file.exists():
                return Result.fail(f"{file} is missing, and {traces[0].name} exists: it was deleted", _RESTORE)
            if fault := _quick_check(file):
                return Result.fail(f"{file.name} is damaged: {fault}", _RESTORE)
        elif store.store != "ledger" and is_unwritten(installation.server, store.store):
            return Result.skip("not used yet")
        if opening is not None:
            with closing(opening(installation)):
                pass
        return Result.ok("opens, and its newest entries are as they were written" if opening else "readable")

    return examine


class _Closes(Protocol):
    def close(self) -> None: ...


_ANCHORS = {"audit": "audit.anchor", "keys": "keys.db.anchor", "suppression": "suppression.db.anchor",
            "ledger": "dp_ledger.anchor"}  # fmt: skip
"""Anchors of stores. A store that is missing while its anchor exists was deleted."""
_OPENINGS: dict[str, Callable[[Installation], _Closes]] = {
    "audit": lambda one: one.open_audit_log(),
    "consent": lambda one: one.open_consent_store(),
    "keys": lambda one: one.open_key_store(),
    "suppression": lambda one: one.open_suppression(),
    "ledger": lambda one: one.open_ledger(),
}


def _quick_check(file: Path) -> str:
    """Return what SQLite finds wrong with a file; empty if nothing."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
        row = database.execute("PRAGMA quick_check(1)").fetchone()
    return "" if row and row[0] == "ok" else "PRAGMA quick_check fails"
