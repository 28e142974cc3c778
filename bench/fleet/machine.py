"""The two machines after their first run, and the plan of what is done to them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installation.installation import Installation
from installation.settings import Settings, load_settings
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import cost_of_rho

CUSTOMERS = "customers.json"
"""Customers that object to the analysis, those that are erased, and those that consent to marketing."""
PURPOSE = "analytics"
RHO_LIMIT = 0.5
RHO_QUESTION = 0.004
"""One question; the budget ends before the operations do."""
MACHINES = ("one", "two")
OPEN = 5
"""Exit code of `rights execute` while a request stays open."""
OFFICER = "bench"
Line = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How much is done.

    `table`: what is read and counted; one row a customer. `selection`: the tables of a run, in Dagster's syntax; None
    for all.
    """

    operations: int = 1000
    runs: int = 20
    erasures: int = 8
    kills: int = 40
    seconds_between_kills: tuple[float, float] = (3.0, 20.0)
    households: int = 40
    table: str = "gold/customer_360"
    selection: str | None = None
    pause_seconds: float = 0.5
    """Before each operation of a serving process."""


@dataclass(frozen=True)
class Fleet:
    """Two machines. `variables`: the settings of each, as variables of the environment."""

    folder: Path
    variables: Mapping[str, Mapping[str, str]]

    @contextmanager
    def opened(self, machine: str) -> Iterator[Installation]:
        """Yield the installation of a machine."""
        with Installation(_settings(self.variables[machine])) as installation:
            yield installation

    def command(self, machine: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `bojagi` on a machine."""
        return bojagi(words, {**os.environ, **self.variables[machine]})


@dataclass
class Outcome:
    """What happened: the acknowledged operations, those that were begun, refused or failed, and the kills."""

    lines: list[Line] = field(default_factory=list)
    kills: int = 0

    def of(self, *kinds: str, state: str = "done") -> list[Line]:
        """Return the lines of these kinds of operations in this state."""
        return [line for line in self.lines if line["kind"] in kinds and line["state"] == state]

    def count(self, *kinds: str) -> int:
        """Return how many operations of these kinds were acknowledged."""
        return len(self.of(*kinds))


@contextmanager
def open_fleet(folder: Path, database: str, root: str, options: Mapping[str, str], plan: Plan) -> Iterator[Fleet]:
    """Yield two machines after the first run, on which the second has joined the database."""
    landing = folder / "landing"
    shared = {
        "BOJAGI_DATABASE": database, "BOJAGI_LAKEHOUSE_ROOT": root, "BOJAGI_LANDING_DIR": str(landing),
        "BOJAGI_STORAGE_OPTIONS": json.dumps(dict(options)), "BOJAGI_ENGINE_MEMORY": "3GB",
    }  # fmt: skip
    own = {
        name: {"BOJAGI_DATA_DIR": str(folder / name), "BOJAGI_SECRET_DIR": str(folder / f"{name}_secret")}
        for name in MACHINES
    }
    fleet = Fleet(folder, {name: {**shared, **own[name]} for name in MACHINES})
    first = folder / "simulated"
    _require(bojagi(["simulate", "--out", str(first), "--households", str(plan.households)], dict(os.environ)))
    (first / "landing").rename(landing)
    for name in MACHINES:
        (folder / name).mkdir()
        shutil.copy(first / "run_date.toml", folder / name)
    _require(fleet.command("one", *run_words(plan.selection)))
    with fleet.opened("one") as one:
        _ = one.request_store, one.suppression
        with closing(one.open_ledger()) as ledger:
            ledger.set_limit(BudgetAccount(plan.table, PURPOSE), "ever", cost_of_rho(RHO_LIMIT), datetime.now(UTC))
        secrets = one.settings.secret_dir
    _write_customers(fleet, plan.table)
    shutil.copytree(secrets, folder / "two_secret", ignore=shutil.ignore_patterns("*.anchor", "*.lock", "*.db"))
    _require(fleet.command("two", "database", "join"))
    yield fleet


def _write_customers(fleet: Fleet, table: str) -> None:
    with fleet.opened("one") as one:
        known = sorted(set(one.lakehouse.select(table, "customer_id")["customer_id"].to_pylist()))
    groups = {"object": known[0::4], "erase": known[1::4], "consent": known[2::4] + known[3::4]}
    (fleet.folder / CUSTOMERS).write_text(json.dumps(groups))


def run_words(selection: str | None) -> list[str]:
    """Return the command of a run."""
    return ["run", *(["--select", selection] if selection else [])]


def bojagi(words: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of `bojagi` in an environment."""
    command = [sys.executable, "-m", "pipelines.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def end_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the end of what a command has printed."""
    return " ".join((done.stderr + done.stdout).split())[-600:]


def _settings(variables: Mapping[str, str]) -> Settings:
    form = {name.removeprefix("BOJAGI_").lower(): value for name, value in variables.items()}
    return load_settings(None, **{**form, "storage_options": json.loads(form["storage_options"])})


def _require(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(f"{' '.join(done.args)} ended with {done.returncode}: {end_of(done)}")
