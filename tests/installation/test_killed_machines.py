"""Two machines use one database while their processes are killed: nothing acknowledged is lost, nothing overspent."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from installation.installation import Installation
from installation.settings import Settings, load_settings
from installation.store_import import join
from privacy.audit import AuditEntry
from privacy.consent.state import State
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.errors import BudgetRefused
from privacy.protection.suppression import Suppressed
from tests.privacy.consent.test_store import record
from tests.store_place import StorePlace

ACCOUNT = BudgetAccount("gold/order", "analytics")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
WORKERS, SECONDS, LIMIT = 3, 6.0, 40


def machine(folder: Path, name: str, url: str) -> Settings:
    return load_settings(data_dir=folder / name, secret_dir=folder / f"{name}_secret", database=url)


def work(folder: str, name: str, url: str, seed: str) -> None:
    """Do one operation after the other until killed; print each one when it is acknowledged."""
    with Installation(machine(Path(folder), name, url)) as installation, closing(installation.open_ledger()) as ledger:
        keys, drawn = installation.open_key_store(), random.Random(seed)
        for number in range(10_000):
            subject = f"s_{seed}_{number}"
            kind = drawn.choice(["consent", "audit", "spend", "erase", "key"])
            if kind == "consent":
                installation.consent_store.append([record(subject, State.REFUSED)])
            elif kind == "audit":
                use = AuditEntry(at=NOW, who=subject, role="r", purpose="p", action="read", table="t")
                installation.audit_log.append(use)
            elif kind == "spend":
                try:
                    ledger.ask(ACCOUNT, subject, Cost(1), NOW)
                except BudgetRefused:
                    continue
            elif kind == "erase":
                installation.suppression.add([Suppressed("value", subject)], subject)
            else:
                keys.keys_of([subject])
            print(kind, subject, flush=True)


def test_machines_that_are_killed_at_random_lose_and_overspend_nothing(
    postgres_place: StorePlace, tmp_path: Path
) -> None:
    assert postgres_place.server is not None
    url = postgres_place.server.conninfo
    with Installation(machine(tmp_path, "one", url)) as one:
        one.audit_log.append(AuditEntry(at=NOW, who="w", role="r", purpose="p", action="read", table="t"))
        one.open_key_store().keys_of(["first"])
        _ = one.request_store, one.suppression
        with closing(one.open_ledger()) as ledger:
            ledger.set_limit(ACCOUNT, "ever", Cost(LIMIT), NOW)
        secrets = one.settings.secret_dir
    shutil.copytree(secrets, tmp_path / "two_secret", ignore=shutil.ignore_patterns("*.anchor", "*.lock"))
    with Installation(machine(tmp_path, "two", url)) as two:
        join(two)

    def start(number: int) -> subprocess.Popen[str]:
        name = ("one", "two")[number % 2]
        code = "import sys; from tests.installation.test_killed_machines import work; work(*sys.argv[1:])"
        command = [sys.executable, "-c", code, str(tmp_path), name, url, str(number)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    drawn, lines, started, killed = random.Random(5), list[str](), WORKERS, 0
    running = [start(number) for number in range(WORKERS)]
    for process in running:  # the first operation of each, so that no kill hits the imports alone
        assert process.stdout is not None
        lines.append(process.stdout.readline())
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or killed < 6:
        time.sleep(drawn.uniform(0.1, 0.6))
        victim = running.pop(drawn.randrange(len(running)))
        victim.kill()
        lines += victim.communicate()[0].splitlines()
        killed += 1
        running.append(start(started))
        started += 1
    for process in running:
        process.kill()
        lines += process.communicate()[0].splitlines()
    done: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, lines)):
        kind, subject = line.split()
        done.setdefault(kind, []).append(subject)
    assert min(len(done.get(kind, ())) for kind in ("consent", "audit", "spend", "erase", "key")) > 0

    for name in ("one", "two"):
        with Installation(machine(tmp_path, name, url)) as survivor:
            assert survivor.audit_log.verify() == []
            assert set(done["audit"]) <= {entry.who for _, entry in survivor.audit_log.entries()}
            known = {one.subject_id for one in survivor.consent_store.records_of(done["consent"])}
            assert known == set(done["consent"])
            assert all(survivor.suppression.lists("value", subject) for subject in done["erase"])
            assert set(survivor.open_key_store().ids_of(done["key"])) == set(done["key"])
            with closing(survivor.open_ledger()) as ledger:
                ledger.verify()
                (balance,) = [one for one in ledger.balances(ACCOUNT, NOW) if one.period.startswith("ever")]
                debits = [entry for entry in ledger.entries() if entry.content["kind"] == "spend"]
                assert balance.left == Cost(LIMIT - len(debits))
                assert len(done["spend"]) <= len(debits) <= LIMIT
