"""A process of one machine: `python -m bench.fleet.worker serve|work`; the machine is that of the environment."""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.fleet.machine import OFFICER, OPEN, PURPOSE, RHO_QUESTION, Line, bojagi, end_of, run_words
from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.service import Statement, Terms
from privacy.dp.errors import BudgetRefused
from privacy.rights.errors import InvalidSubmissionError, RequestStateError
from privacy.rights.request import Actor, Right, State, Submission


class Worker:
    """One process of a machine: does one operation after the other until it is killed, and prints each."""

    def __init__(self, installation: Installation, customers: Mapping[str, list[str]], drawn: random.Random) -> None:
        self.installation, self.customers, self.drawn = installation, customers, drawn
        self.officer = Actor(who=OFFICER, role="privacy_officer")

    def serve(self, table: str, pause_seconds: float) -> None:
        """Read a table, record consents and objections, and ask statistics, without an end."""
        from pipelines.cli.dp import _open_service, _sql_question

        reader, consents = self.installation.table_reader(OFFICER), self.installation.consent_service()
        with _open_service(self.installation, "analyst") as statistics:

            def read() -> Line:
                rows = reader.read(table, "privacy_officer", PURPOSE, ["customer_id"]).frame
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
                sql = f"SELECT COUNT(DISTINCT customer_id) FROM {table.replace('/', '.')}"
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
        if service.request(request.id).state is State.VERIFIED:  # also after a kill between the two
            service.approve(request.id, self.officer)
        return {"customer": customer, "request": request.id}

    def _command(self, kind: str, *words: str) -> None:
        begin = time.monotonic()
        done = bojagi(words, dict(os.environ))
        state = {0: "done", 4: "busy"}.get(done.returncode, "failed")
        if kind == "execute" and done.returncode == OPEN:  # the other machine has not executed it yet
            state = "done"
        _print(kind, state, begin, error=end_of(done) if state == "failed" else "")
        if state == "busy":
            time.sleep(self.drawn.uniform(1, 4))

    def _do(self, kind: str, operation: Callable[[], Line]) -> None:
        begin = time.monotonic()
        try:
            _print(kind, "done", begin, **operation())
        except (BudgetRefused, InvalidSubmissionError, RequestStateError) as refused:
            # Spent; or the customer is erased already; or the other machine has just decided the same request.
            _print(kind, "refused", begin, error=type(refused).__name__)
        except Exception as error:  # noqa: BLE001  # the edge of the process; the parent reports it
            _print(kind, "failed", begin, error=f"{type(error).__name__}: {error}"[:500])


def _print(kind: str, state: str, begin: float, **fields: object) -> None:
    print(json.dumps({"kind": kind, "state": state, "begin": begin, "end": time.monotonic(), **fields}), flush=True)


def main() -> None:
    """Work until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["serve", "work"])
    for name in ("--seed", "--customers", "--table", "--select", "--pause"):
        parser.add_argument(name)
    options = parser.parse_args()
    customers = json.loads(Path(options.customers).read_text())
    with Installation(load_settings()) as installation:
        worker = Worker(installation, customers, random.Random(options.seed))
        if options.kind == "serve":
            worker.serve(options.table, float(options.pause))
        worker.work(run_words(options.select))


if __name__ == "__main__":
    main()
