"""Lets two machines work on one lakehouse and one PostgreSQL while their processes are killed, and checks the end.

python -m bench.fleet                     the lakehouse is on a server that speaks S3, on the loopback address
python -m bench.fleet --root folder       the lakehouse is a shared folder

Each machine has a data folder and a secret folder of its own. On each, one process serves (reads, consents, statistics
with differential privacy) and one works (runs of the pipeline, erasures). A process prints each operation when it is
acknowledged. Processes are killed by SIGKILL, with the commands that they have started, at random moments.

At the end each machine runs once more, and `faults_of` compares what it finds with what was acknowledged.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.claim import Claim
from bench.fleet_fault import OFFICER, RHO_LIMIT, Line, Outcome, faults_of_reads, faults_of_stores, faults_of_tables
from installation.installation import Installation
from installation.settings import Settings, load_settings
from privacy.consent.service import Statement, Terms
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import cost_of_rho
from privacy.dp.errors import BudgetRefused
from privacy.rights.errors import InvalidSubmissionError
from privacy.rights.request import Actor, Right, Submission

_CUSTOMERS = "customers.json"
"""Customers that object to the analysis, those that are erased, and those that consent to marketing."""
TABLE, PURPOSE = "gold/customer_360", "analytics"
ACCOUNT = BudgetAccount(TABLE, PURPOSE)
RHO_QUESTION = 0.004
"""One question; the budget ends before the operations do."""
MACHINES = ("one", "two")
_OPEN = 5
"""Exit code of `rights execute` while a request stays open."""


@dataclass(frozen=True)
class Plan:
    """How much is done. `selection`: the tables of a run, in Dagster's syntax; None for all."""

    operations: int = 1000
    runs: int = 20
    erasures: int = 8
    kills: int = 40
    seconds_between_kills: tuple[float, float] = (3.0, 20.0)
    households: int = 40
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
        return _bojagi(words, {**os.environ, **self.variables[machine]})


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
    _require(_bojagi(["simulate", "--out", str(first), "--households", str(plan.households)], dict(os.environ)))
    (first / "landing").rename(landing)
    for name in MACHINES:
        (folder / name).mkdir()
        shutil.copy(first / "run_date.toml", folder / name)
    _require(fleet.command("one", *_run(plan)))
    with fleet.opened("one") as one:
        _ = one.request_store, one.suppression, one.pseudonym_key
        with closing(one.open_ledger()) as ledger:
            ledger.set_limit(ACCOUNT, "ever", cost_of_rho(RHO_LIMIT), datetime.now(UTC))
        secrets = one.settings.secret_dir
    _write_customers(fleet)
    shutil.copytree(secrets, folder / "two_secret", ignore=shutil.ignore_patterns("*.anchor", "*.lock", "*.db"))
    _require(fleet.command("two", "database", "join"))
    yield fleet


def disturb(fleet: Fleet, plan: Plan, seed: int = 23) -> Outcome:
    """Run the processes and kill them at random until everything of the plan was done; return what happened."""
    drawn, outcome, started = random.Random(seed), Outcome(), 0
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        running = dict[str, subprocess.Popen[str]]()

        def start(place: str) -> None:
            nonlocal started
            started += 1
            kind, machine = place.split()
            command = [sys.executable, "-m", "bench.fleet", "--worker", kind, "--seed", f"{seed}-{started}"]
            command += ["--customers", str(fleet.folder / _CUSTOMERS), "--pause", str(plan.pause_seconds)]
            command += ["--select", plan.selection] if plan.selection else []
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, start_new_session=True,
                env={**os.environ, **fleet.variables[machine]},
            )  # fmt: skip
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            selector.register(process.stdout, selectors.EVENT_READ, place)
            running[place] = process

        def end(place: str) -> None:
            process = running.pop(place)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            _take_lines(process, place, rest, outcome)
            selector.unregister(process.stdout)
            process.stdout.close()

        rest = dict[str, str]()
        for kind in ("serve", "work"):
            for machine in MACHINES:
                start(f"{kind} {machine}")
        next_kill = time.monotonic() + drawn.uniform(*plan.seconds_between_kills)
        while not _is_complete(outcome, plan):
            for key, _ in selector.select(timeout=0.2):
                _take_lines(running[key.data], key.data, rest, outcome)
            for place, process in list(running.items()):
                if process.poll() is not None:  # it was not killed, so its error is a fault
                    outcome.lines.append({"kind": "process", "state": "failed", "error": f"{place} ended by itself"})
                    end(place)
                    start(place)
            if time.monotonic() >= next_kill and outcome.kills < 3 * plan.kills:
                place = drawn.choice(sorted(running))
                end(place)
                outcome.kills += 1
                start(place)
                next_kill = time.monotonic() + drawn.uniform(*plan.seconds_between_kills)
        for place in list(running):
            end(place)
    return outcome


def faults_of(fleet: Fleet, outcome: Outcome, plan: Plan) -> list[str]:
    """Run once on each machine, execute what is approved, and return everything that is not as it was acknowledged."""
    faults = [f"{line['kind']} failed: {line['error']}" for line in outcome.lines if line["state"] == "failed"]
    # An erasure is complete when each machine has executed it, so the last one may need the first one again.
    for machine, *words in (
        ("one", "rights", "execute"), ("two", "rights", "execute"), ("one", "rights", "execute"),
        *((machine, *_run(plan)) for machine in MACHINES),
    ):  # fmt: skip
        done = fleet.command(machine, *words)
        if done.returncode not in ((0, _OPEN) if words[0] == "rights" else (0,)):
            faults.append(f"{' '.join(words)} on {machine} ended with {done.returncode}: {_end(done)}")
    for machine in MACHINES:
        with fleet.opened(machine) as installation:
            faults += [f"{machine}: {fault}" for fault in faults_of_stores(installation, outcome)]
            faults += [f"{machine}: {fault}" for fault in faults_of_tables(installation, outcome)]
    return faults + faults_of_reads(outcome)


def _is_complete(outcome: Outcome, plan: Plan) -> bool:
    done = outcome.count("read", "consent", "object", "statistics", "run", "approve", "execute")
    return (
        done >= plan.operations
        and outcome.count("run") >= plan.runs
        and outcome.count("approve") >= plan.erasures
        and outcome.kills >= plan.kills
    )


def _take_lines(process: subprocess.Popen[str], place: str, rest: dict[str, str], outcome: Outcome) -> None:
    assert process.stdout is not None
    text = rest.pop(place, "") + (process.stdout.read() or "")
    *lines, last = text.split("\n")
    if process.poll() is None:
        rest[place] = last  # of a killed process, half a line says nothing
    outcome.lines += [{**json.loads(line), "place": place} for line in lines if line]


def _write_customers(fleet: Fleet) -> None:
    with fleet.opened("one") as one:
        known = sorted(set(one.lakehouse.select(TABLE, "customer_id")["customer_id"].to_pylist()))
    groups = {"object": known[0::4], "erase": known[1::4], "consent": known[2::4] + known[3::4]}
    (fleet.folder / _CUSTOMERS).write_text(json.dumps(groups))


class Worker:
    """One process of a machine: does one operation after the other until it is killed, and prints each."""

    def __init__(self, installation: Installation, customers: Mapping[str, list[str]], drawn: random.Random) -> None:
        self.installation, self.customers, self.drawn = installation, customers, drawn
        self.officer = Actor(who=OFFICER, role="privacy_officer")

    def serve(self, pause_seconds: float) -> None:
        """Read, record consents and objections, and ask statistics, without an end."""
        from pipelines.cli.dp import _open_service, _sql_question

        reader, consents = self.installation.table_reader(OFFICER), self.installation.consent_service()
        with _open_service(self.installation, "analyst") as statistics:

            def read() -> Line:
                rows = reader.read(TABLE, "privacy_officer", PURPOSE, ["customer_id"]).frame
                return {"customers": rows["customer_id"].to_pylist()}

            def consent() -> Line:
                customer = self.drawn.choice(self.customers["consent"])
                if self.drawn.random() < 0.5:
                    made = consents.grant(customer, "marketing", Terms("2026.1", age_years=34), Statement("web_form"))
                else:
                    made = consents.object(customer, "personalisation", Statement("web_form"), "KR")
                return {"customer": customer, "records": [record.record_id for record in made]}

            def objection() -> Line:
                customer = self.drawn.choice(self.customers["object"])
                made = consents.object(customer, PURPOSE, Statement("web_form"), "KR")
                return {"customer": customer, "records": [record.record_id for record in made]}

            def ask() -> Line:
                rho = RHO_QUESTION * self.drawn.uniform(0.9, 1.1)  # another question each time
                sql = f"SELECT COUNT(DISTINCT customer_id) FROM {TABLE}"
                statistics.answer(_sql_question(sql, PURPOSE, rho, [], "rows=1"))
                return {}

            kinds = {"read": read, "consent": consent, "object": objection, "statistics": ask}
            while True:
                time.sleep(self.drawn.uniform(0, 2 * pause_seconds))
                (kind,) = self.drawn.choices(list(kinds), weights=[5, 4, 1, 2])
                self._do(kind, kinds[kind])

    def work(self, run: Sequence[str]) -> None:
        """Run the pipeline, and approve and execute erasures, without an end."""
        while True:
            if self.drawn.random() < 0.25:
                self._do("approve", self._approve)
                self._command("execute", "rights", "execute")
            else:
                self._command("run", *run)

    def _approve(self) -> Line:
        service, customer = self.installation.rights_service(), self.drawn.choice(self.customers["erase"])
        request = service.submit(Submission(right=Right.ERASURE, customer_id=customer), self.officer).request
        if request.identity is None:
            service.verify_identity(request.id, "bench", self.officer)
            service.approve(request.id, self.officer)
        return {"customer": customer, "request": request.id}

    def _command(self, kind: str, *words: str) -> None:
        begin = time.monotonic()
        done = _bojagi(words, dict(os.environ))
        state = {0: "done", 4: "busy"}.get(done.returncode, "failed")
        if kind == "execute" and done.returncode == _OPEN:  # the other machine has not executed it yet
            state = "done"
        _print(kind, state, begin, error=_end(done) if state == "failed" else "")
        if state == "busy":
            time.sleep(self.drawn.uniform(1, 4))

    def _do(self, kind: str, operation: Callable[[], Line]) -> None:
        begin = time.monotonic()
        try:
            _print(kind, "done", begin, **operation())
        except (BudgetRefused, InvalidSubmissionError) as refused:  # spent; or the customer is erased already
            _print(kind, "refused", begin, error=type(refused).__name__)
        except Exception as error:  # noqa: BLE001  # the edge of the process; the parent reports it
            _print(kind, "failed", begin, error=f"{type(error).__name__}: {error}"[:500])


def _print(kind: str, state: str, begin: float, **fields: object) -> None:
    print(json.dumps({"kind": kind, "state": state, "begin": begin, "end": time.monotonic(), **fields}), flush=True)


def _run(plan: Plan) -> list[str]:
    return ["run", *(["--select", plan.selection] if plan.selection else [])]


def _settings(variables: Mapping[str, str]) -> Settings:
    form = {name.removeprefix("BOJAGI_").lower(): value for name, value in variables.items()}
    return load_settings(None, **{**form, "storage_options": json.loads(form["storage_options"])})


def _bojagi(words: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _require(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(f"{' '.join(done.args)} ended with {done.returncode}: {_end(done)}")


def _end(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stderr + done.stdout).split())[-600:]


def main() -> int:
    """Run the bench, or one of its processes; the exit code is 1 if something was lost."""
    from tests.database_server import postgres_server, s3_server

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer operations and kills, to see that it works")
    parser.add_argument("--root", choices=["s3", "folder"], default="s3", help="where the lakehouse is")
    parser.add_argument("--work", type=Path, help="a new folder that is kept; default: a temporary one")
    parser.add_argument("--seed", default="23")
    for name in ("--worker", "--customers", "--select", "--pause"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        drawn, customers = random.Random(options.seed), json.loads(Path(options.customers).read_text())
        with Installation(load_settings()) as installation:
            worker = Worker(installation, customers, drawn)
            if options.worker == "serve":
                worker.serve(float(options.pause))
            worker.work(_run(Plan(selection=options.select)))
    plan = Plan(operations=120, runs=3, erasures=2, kills=6, households=20) if options.quick else Plan()
    with ExitStack() as stack:
        folder = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bojagi-fleet-")))
        folder.mkdir(parents=True, exist_ok=True)
        server = stack.enter_context(postgres_server(flushes=True))
        root, access = str(folder / "lakehouse"), dict[str, str]()
        if options.root == "s3":
            url, client = stack.enter_context(s3_server())
            client.create_bucket(Bucket="shop")
            root = "s3://shop/lakehouse"
            access = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}
            access |= {"AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true"}
        database = f"postgresql://owner:owner@127.0.0.1:{server.port}/shop"
        fleet = stack.enter_context(open_fleet(folder, database, root, access, plan))
        started = time.monotonic()
        outcome = disturb(fleet, plan, int(options.seed))
        seconds = time.monotonic() - started
        faults = faults_of(fleet, outcome, plan)
    counts = Counter(f"{line['kind']} {line['state']}" for line in outcome.lines)
    print(json.dumps({"kills": outcome.kills, "seconds": round(seconds), "faults": faults[:20], **counts}))
    Claim("faults after two machines were killed at random", len(faults), "faults", bar=0).print_json()
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
