"""Measures overspending and time of the ledger while 16 processes spend at once and are killed at random."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from bench.claim import Claim
from bench.dp.spender import ACCOUNT
from privacy.clock import utc_now
from privacy.dp.cost import Cost
from privacy.dp.ledger import Ledger
from privacy.dp.sqlite_store import SqliteStore

ROOT = Path(__file__).parents[2]
PROCESSES, EACH, LIMIT = 16, 700, 10_000
# A spend takes about ten milliseconds. With a longer pause, a short trial would end before a process is killed.
LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Trial:
    """Releases that the processes were granted, and the ledger's entries about them.

    `granted` has the number of the debit of each granted release.
    """

    granted: tuple[int, ...]
    seconds: tuple[float, ...]
    refused: int
    killed: int
    debited: frozenset[int]
    spent: int

    @property
    def without_debit(self) -> int:
        """Number of granted releases that have no separate debit; 0 if the ledger is correct."""
        return len(self.granted) - len(set(self.granted) & self.debited)


def try_ledger(folder: Path, processes: int = PROCESSES, each: int = EACH, limit: int = LIMIT) -> Trial:
    """Let several processes spend `each` times against one limit; return what was granted and debited.

    Some of the processes are killed and replaced by new ones.
    """
    store = SqliteStore(folder / "ledger.sqlite", folder / "anchor")
    ledger = Ledger(store)
    ledger.set_limit(ACCOUNT, "ever", Cost(limit), utc_now())
    chance = random.Random(7)
    # Number of spends after which each process is killed; None: it is not killed. Every second of the first ones is.
    ends = [chance.randrange(1, each // 2) if place % 2 == 0 else None for place in range(4 * processes)]
    lines, killed = _spend(folder, processes, each, ends)
    grants = [line.split() for line in lines if line != "refused"]
    ledger.verify()
    spent = ledger.balances(ACCOUNT, utc_now())[0].spent.nano_rho
    store.close()
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        rows = connection.execute("SELECT number, content FROM dp_entry").fetchall()
    return Trial(
        granted=tuple(int(seq) for seq, _ in grants),
        seconds=tuple(float(seconds) for _, seconds in grants),
        refused=lines.count("refused"),
        killed=killed,
        debited=frozenset(seq for seq, content in rows if json.loads(content)["kind"] == "spend"),
        spent=spent,
    )


def measure_ledger(folder: Path, each: int = EACH) -> None:
    """Print the claims of the ledger, from `each` spends of every process."""
    trial = try_ledger(folder, each=each)
    ranks = quantiles(trial.seconds, n=100)
    many = f"{len(trial.granted)} spends of {PROCESSES} processes, {trial.killed} killed"
    runs, spread = len(trial.seconds), (min(trial.seconds), max(trial.seconds))
    Claim(f"ledger, median, {many}", ranks[49], "s", runs=runs, spread=spread).print_json()
    Claim(f"ledger, p99, {many}", ranks[98], "s", bar=0.05, runs=runs, spread=spread).print_json()
    Claim("ledger, spent beyond the limit", max(0, trial.spent - LIMIT), "nano-rho", bar=0).print_json()
    Claim("ledger, releases without a debit of their own", trial.without_debit, "releases", bar=0).print_json()


def _spend(folder: Path, processes: int, each: int, ends: list[int | None]) -> tuple[list[str], int]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    lines: list[str] = []
    running: dict[subprocess.Popen[str], tuple[Path, int | None]] = {}
    waiting, killed, started = processes, 0, 0
    while waiting or running:
        while waiting and len(running) < processes:
            waiting, started = waiting - 1, started + 1
            output = folder / f"{started}.out"
            command = [sys.executable, "-m", "bench.dp.spender", str(folder), f"s{started}", str(each)]
            with output.open("w") as out:
                process = subprocess.Popen(command, stdout=out, env=environment, text=True)
            running[process] = output, ends[started - 1] if started <= len(ends) else None
        time.sleep(LOOK_SECONDS)
        for process, (output, end) in list(running.items()):
            if process.poll() is None and end is not None and output.read_text().count("\n") >= end:
                process.send_signal(signal.SIGKILL)
                process.wait()
                waiting, killed = waiting + 1, killed + 1
            if process.poll() is not None:
                if process.returncode not in (0, -signal.SIGKILL):
                    raise RuntimeError(f"a spending process ended with {process.returncode}; see its error above")
                del running[process]
                lines += output.read_text().splitlines()
    return lines, killed
