"""Kills executions of requests at random moments, resumes them, and compares the end with an undisturbed execution.

python -m bench.rights.killed DATA              DATA: a data folder with a finished run; it is only copied
python -m bench.rights.killed DATA --kills 10   fewer kills

Each round copies a folder with approved requests: access, portability and erasure of several persons, two of them of
one person. It starts the execution in a process of its own, kills it by SIGKILL at moments that are drawn uniformly
from the time of an undisturbed execution, and lets the last one finish. Compared are the rows of all tables, landed
files, consent records, keys, suppression list, and the history of each request. Every certificate is verified.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.erasure.delta_history import find_tables
from pipelines.ingest.lock import run_lock
from pipelines.orchestration.rights_registry import open_execution
from pipelines.rights.verification import verify_file
from privacy.rights.request import Actor, EventKind, Right, Submission

OFFICER = Actor(who="bench", role="privacy_officer")
KEPT_SOURCES = ("crm_customer", "loyalty_card", "delivery", "review", "consent_event")
KEPT_TABLES = (
    *(f"bronze/{name}" for name in (*KEPT_SOURCES, "quarantine")),
    *(f"silver/{name}" for name in ("customer", "identifier", "identity_event", "identity_sketch", "permission")),
    "gold/customer_360", "gold/customer_monthly_spend",
)  # fmt: skip
"""The part of a data folder that is copied: a kill needs many steps, not many rows."""
KILLS_A_ROUND = 10
_ONCE = (EventKind.STARTED, EventKind.ANSWERED, EventKind.COMPLETED)
"""Events that happen to a request at most once: an answer is never made a second time."""
_CHANGING = {"_load_id", "_loaded_at"}


def opened(folder: Path) -> Installation:
    """Return the installation of a data folder."""
    return Installation(load_settings(None, data_dir=folder))


def prepare(data: Path, folder: Path) -> list[str]:
    """Copy a part of a data folder, approve requests in the copy, and return their ids."""
    shutil.copytree(data, folder)
    for table in (folder / "lakehouse").glob("*/*"):
        if f"{table.parent.name}/{table.name}" not in KEPT_TABLES:
            shutil.rmtree(table)
    for source in (folder / "landing").iterdir():
        if source.name not in KEPT_SOURCES:
            shutil.rmtree(source)
    with opened(folder) as installation:
        found = installation.lakehouse.select("gold/customer_360", "customer_id")["customer_id"].to_pylist()
        people, service = sorted(found), installation.rights_service()
        asked = [(Right.ACCESS, 0), (Right.ERASURE, 0), (Right.PORTABILITY, 1), (Right.ERASURE, 2), (Right.ERASURE, 3)]
        ids = []
        for right, person in asked:
            request = service.submit(Submission(right=right, customer_id=people[person]), OFFICER).request
            service.verify_identity(request.id, "bench", OFFICER)
            ids.append(service.approve(request.id, OFFICER).id)
    return ids


def execute(folder: Path) -> None:
    """Execute all requests of a folder; print a line when the work begins."""
    with opened(folder) as installation, run_lock(folder, 60):
        execution = open_execution(installation)
        print("begins", flush=True)
        execution.run()


def run_child(folder: Path, kill_after: float | None) -> float:
    """Execute in a process of its own, kill it after some seconds of work, and return the seconds that it worked."""
    command = [sys.executable, "-m", "bench.rights.killed", "--execute", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as child:
        assert child.stdout is not None
        if not child.stdout.readline():
            raise RuntimeError("The execution ended before its work began.")
        started = time.monotonic()
        if kill_after is not None:
            time.sleep(kill_after)
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if kill_after is None and child.returncode != 0:
            raise RuntimeError(f"The execution ended with exit code {child.returncode}.")
        return time.monotonic() - started


def end_of(folder: Path, ids: list[str]) -> dict[str, Any]:
    """Return everything that must be the same at the end, whatever happened in between."""
    with opened(folder) as installation:
        service = installation.rights_service()
        end: dict[str, Any] = {"history": [fault.message for fault in service.log.store.verify()]}
        for number, one in enumerate(ids):
            request, events = service.request(one), service.log.store.events(one)
            kinds = [event.kind for event in events]
            ends = {str(kind): kinds.count(kind) for kind in _ONCE}
            certificate = verify_file(folder / "rights" / "certificate" / f"{one}.json", None, installation)
            stores = [(store.store, store.outcome) for store in certificate.signed.statement.stores]
            end[f"request {number}"] = (request.right, request.state, ends, request.is_answer_ready, stores)
        end["sealed"] = sorted(len(names) for names in service.log.store.sealed_names().values())
        with closing(installation.open_key_store()) as keys:
            end["keys"] = keys.status().data_keys
        end["suppressed"] = count_rows(folder / "secret" / "suppression.db")
        end["consent"] = count_rows(folder / "consent" / "consent.db")
        for location in find_tables(installation.lakehouse.root):
            end[location.removeprefix(installation.lakehouse.root)] = digest_of(DeltaTable(location).to_pyarrow_table())
    landing = folder / "landing"
    end["landing"] = {str(p.relative_to(landing)): sha256(p.read_bytes()).hexdigest() for p in files_of(landing)}
    return end


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, in order, without hidden ones."""
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))


def count_rows(path: Path) -> dict[str, int]:
    """Return the number of rows of each table of an SQLite file."""
    with closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}


def digest_of(table: pa.Table) -> tuple[int, str]:
    """Return number and digest of a table's rows in any order. Of ciphertexts only their first byte counts."""
    names = [name for name in sorted(table.column_names) if name not in _CHANGING]
    columns = [[value[:1] if isinstance(value, bytes) else value for value in table[n].to_pylist()] for n in names]
    rows = sorted(repr(row) for row in zip(*columns, strict=True))
    return len(rows), sha256("\n".join([*names, *rows]).encode()).hexdigest()


def main() -> int:
    """Run the bench; the exit code is 1 if any end differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--work", type=Path, default=Path("bench/results/killed"))
    parser.add_argument("--execute", type=Path)
    options = parser.parse_args()
    if options.execute is not None:
        execute(options.execute)
        return 0
    shutil.rmtree(options.work, ignore_errors=True)
    base, undisturbed, killed = (options.work / name for name in ("base", "undisturbed", "killed"))
    ids = prepare(options.data, base)
    shutil.copytree(base, undisturbed)
    seconds = run_child(undisturbed, None)
    wanted, draw = end_of(undisturbed, ids), random.Random(options.seed)
    print(json.dumps({"undisturbed_seconds": round(seconds, 1), "tables": len(wanted)}), flush=True)
    different = kills = 0
    while kills < options.kills:
        shutil.rmtree(killed, ignore_errors=True)
        shutil.copytree(base, killed)
        moments = [draw.uniform(0, seconds) for _ in range(min(KILLS_A_ROUND, options.kills - kills))]
        for moment in moments:
            run_child(killed, moment)
        kills += len(moments)
        run_child(killed, None)
        found = end_of(killed, ids)
        wrong = [name for name in wanted if found.get(name) != wanted[name]]
        different += bool(wrong)
        print(
            json.dumps({"kills": kills, "at": [round(moment, 2) for moment in moments], "different": wrong}), flush=True
        )
    shutil.rmtree(options.work)
    print(json.dumps({"claim": "killed executions that end differently", "ours": different, "kills": kills}))
    return int(different > 0)


if __name__ == "__main__":
    raise SystemExit(main())
