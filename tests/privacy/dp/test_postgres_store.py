"""The ledger in a real PostgreSQL server, which the test starts on the loopback address and stops."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.errors import BudgetRefused, LedgerDamaged
from privacy.dp.ledger import Ledger
from privacy.dp.ledger_answer import Answered, Grant
from tests.engines import require_or_skip

ACCOUNT = BudgetAccount("gold/order", "analytics")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(name: str) -> str:
    """Returns the path of a program of PostgreSQL's server, which Debian installs by version, outside PATH."""
    found = shutil.which(name) or max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None)
    if found is None:
        require_or_skip("postgres", "PostgreSQL's server is not installed")
    return str(found)


@pytest.fixture(scope="module")
def conninfo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    initdb, postgres = _program("initdb"), _program("postgres")
    # PostgreSQL refuses to run as root; Debian's package brings a user for it.
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    folder = Path("/tmp") / f"bojagi-postgres-{os.getpid()}"
    folder.mkdir()
    shutil.chown(folder, user)
    demoted = {"user": user} if os.getuid() == 0 else {}
    port = _free_port()
    subprocess.run(
        [initdb, "-D", str(folder / "data"), "-A", "trust", "-U", "ledger"],
        check=True, capture_output=True, cwd="/", **demoted,  # type: ignore[call-overload]
    )  # fmt: skip
    command = [postgres, "-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
    server = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **demoted)  # type: ignore[call-overload]
    conninfo = f"host=127.0.0.1 port={port} user=ledger dbname=postgres"
    try:
        for _ in range(300):
            try:
                psycopg.connect(conninfo).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        yield conninfo
    finally:
        # SIGINT is PostgreSQL's fast shutdown; on SIGTERM it waits for clients.
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)
        shutil.rmtree(folder)


def test_spends_and_answers_are_kept_and_a_rollback_is_refused(conninfo: str, tmp_path: Path) -> None:
    from privacy.dp.postgres_store import PostgresStore

    store = PostgresStore(conninfo, tmp_path / "anchor_one")
    one = Ledger(store)
    one.set_limit(ACCOUNT, "ever", Cost(3), NOW)
    grant = one.ask(ACCOUNT, "a", Cost(2), NOW)
    assert isinstance(grant, Grant)
    one.record_answer(grant, "42", NOW)
    assert isinstance(one.ask(ACCOUNT, "a", Cost(2), NOW), Answered)
    with pytest.raises(BudgetRefused):
        one.ask(ACCOUNT, "b", Cost(2), NOW)
    assert one.verify() == 3
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DELETE FROM dp_answer")
        connection.execute("DELETE FROM dp_entry WHERE number > 1")
    with pytest.raises(LedgerDamaged, match="older copy"):
        one.ask(ACCOUNT, "c", Cost(1), NOW)
    store.close()


def test_a_second_machine_joins_the_ledger_that_the_settings_name(conninfo: str, tmp_path: Path) -> None:
    from installation.errors import SettingsError
    from installation.installation import Installation
    from installation.settings import load_settings

    private = tmp_path / "ledger"
    settings = load_settings(data_dir=tmp_path, ledger_postgres_file=private)
    with pytest.raises(SettingsError, match="cannot be read"):
        Installation(settings).open_ledger()
    private.write_text(conninfo + " connect_timeout=2\n")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DROP TABLE dp_entry, dp_limit, dp_balance, dp_answer")
    with closing(Installation(settings).open_ledger()) as ledger:
        ledger.set_limit(ACCOUNT, "ever", Cost(3), NOW)
        assert ledger.balances(ACCOUNT, NOW)[0].left == Cost(3)
    assert not (tmp_path / "dp").exists()
    other = settings.model_copy(update={"secret_dir": tmp_path / "other_machine"})
    with pytest.raises(LedgerDamaged, match="anchor is missing"):
        Installation(other).open_ledger()
    Installation(other).open_ledger(joins=True).close()
    with closing(Installation(other).open_ledger()) as ledger:
        assert isinstance(ledger.ask(ACCOUNT, "a", Cost(2), NOW), Grant)
    with closing(Installation(settings).open_ledger()) as ledger, pytest.raises(BudgetRefused):
        ledger.ask(ACCOUNT, "b", Cost(2), NOW)
    private.write_text(f"host=127.0.0.1 port={_free_port()} user=ledger dbname=postgres connect_timeout=2")
    with pytest.raises(SettingsError, match="does not answer"):
        Installation(settings).open_ledger()
