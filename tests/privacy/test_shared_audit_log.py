"""Threads of one process append to one audit log: one flush for many, an unbroken chain, and refusal on failure."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from privacy.audit import AuditEntry, AuditError, AuditLog
from privacy.shared_audit_log import SharedAuditLog
from privacy.storage.hash_chain import ChainHead

KEY = bytes(32)


def entry(number: int = 0) -> AuditEntry:
    return AuditEntry(
        at=datetime(2026, 1, 1, tzinfo=UTC), who=f"reader {number}", role="agent", purpose="personalisation",
        action="retrieve", table="service/offer", subjects=number,
    )  # fmt: skip


class Log(AuditLog):
    """Counts commits, and waits before each one until `gate` is set."""

    commits = 0
    gate = threading.Event()

    def append_all(self, entries: list[AuditEntry], *, flushes_anchor: bool = True) -> list[ChainHead]:  # type: ignore[override]
        assert self.gate.wait(10)
        self.commits += 1
        return super().append_all(entries, flushes_anchor=flushes_anchor)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    opened = Log(tmp_path / "audit.db", tmp_path / "audit.anchor", KEY)
    opened.gate.set()
    yield opened
    opened.close()


def test_appends_of_many_threads_share_commits_and_keep_one_chain(log: Log) -> None:
    shared = SharedAuditLog(log)
    log.gate.clear()
    with ThreadPoolExecutor(40) as threads:
        appended = [threads.submit(shared.append, entry(number)) for number in range(40)]
        while len(shared._queue) < 39:
            time.sleep(0.001)
        log.gate.set()
        heads = {future.result().number for future in appended}
    assert heads == set(range(1, 41))
    assert log.commits == 2
    assert log.verify() == []
    assert sorted(found.subjects or 0 for _, found in log.entries()) == list(range(40))
    shared.close()


def test_the_anchor_covers_an_entry_when_append_returns_also_in_a_process_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; sys.path.insert(0, os.getcwd());"
        "from tests.privacy.test_shared_audit_log import *; folder = pathlib.Path(sys.argv[1]);"
        "log = AuditLog(folder / 'audit.db', folder / 'audit.anchor', KEY); shared = SharedAuditLog(log);"
        "[shared.append(entry()) for _ in range(9)]; os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    log = AuditLog(tmp_path / "audit.db", tmp_path / "audit.anchor", KEY)
    assert log.verify() == []
    assert log.anchor().number == 9
    log.close()


def test_a_log_that_fails_refuses_every_use_that_waits_and_works_again_afterwards(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SharedAuditLog(log)
    with monkeypatch.context() as broken:
        broken.setattr(log, "_end", lambda: (_ for _ in ()).throw(sqlite3.OperationalError("disk I/O error")))
        with ThreadPoolExecutor(8) as threads:
            errors = [future.exception() for future in [threads.submit(shared.append, entry()) for _ in range(8)]]
    assert all(isinstance(error, AuditError) for error in errors)
    assert shared.append(entry()).number == 1
    shared.close()


def test_an_anchor_that_cannot_be_flushed_refuses_the_next_use(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = SharedAuditLog(log)
    with monkeypatch.context() as broken:
        broken.setattr(log, "flush_anchor", lambda: (_ for _ in ()).throw(AuditError("no disk")))
        shared.append(entry())
        with pytest.raises(AuditError, match="no disk"):
            shared.append(entry())
    shared.append(entry())
    shared.close()


def test_a_log_that_was_cut_off_takes_no_more_entries(log: Log) -> None:
    shared = SharedAuditLog(log)
    shared.append(entry())
    with sqlite3.connect(log.path) as other:
        other.execute("DROP TRIGGER entry_delete")
        other.execute("DELETE FROM entry")
    other.close()
    with pytest.raises(AuditError, match="was changed"):
        shared.append(entry())
    shared.close()
