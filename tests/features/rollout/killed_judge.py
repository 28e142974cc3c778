"""Kills processes that count and judge a rollout at random moments, and checks the store after each kill.

A program of its own: its children are forked from a process without other threads.

    python -m tests.features.rollout.killed_judge FOLDER KILLS [URL] [--torn]

A child reports each step that it has done, and is killed within a moment of a step that is drawn. FOLDER is the data
folder, URL the database. `--torn` is the negative control: calls and errors are stored one by one.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from features.rollout.judgement import look_of
from features.rollout.service import Rollouts
from features.rollout.store import FILE, RolloutStore, State
from installation.database import require_tables
from installation.installation import Installation
from installation.settings import load_settings
from tests.features.rollout.rollout_shop import CANARY, KIM, NEW, OLD, START, SUBJECT, document

WRITES, LONGEST_SECONDS = 6, 0.003
PAST = {(version, name): count for version, name, count in [(OLD, "calls", 900), (OLD, "error", 9), (NEW, "calls", 99)]}


def work_for_ever(rollouts: Rollouts, store: RolloutStore, attempt: int, report: int, *, torn: bool) -> None:
    """Count calls of which one in ten fails, report what is stored, and at last judge a version that fails always."""
    look = look_of(START)
    for _ in range(WRITES):
        calls, errors = ({(look, NEW, True, name): count} for name, count in (("calls", 10), ("error", 1)))
        for counts in (calls, errors) if torn else (calls | errors,):
            store.count(attempt, counts)
            time.sleep(0.02 * torn)
        os.write(report, b"1")
    store.count(attempt, Counter({(look, NEW, False, "error"): 99}))
    rollouts.judge()
    os.write(report, b"1")
    time.sleep(60)


def check(rollouts: Rollouts, store: RolloutStore, stored: int) -> bool:
    """Return whether the version was rolled back before it was killed; it is afterwards.

    Raises:
        AssertionError: counts are not those of complete writes, or a step was lost or done twice.
    """
    attempt = store.steps("killed")[-1].attempt
    counts = store.counts(attempt)
    calls, errors = (counts.get((look_of(START), NEW, True, name), 0) for name in ("calls", "error"))
    assert calls == 10 * errors, f"{calls} calls with {errors} errors"
    assert min(stored, WRITES) <= errors <= stored + 1, f"{errors} writes, {stored} were reported"
    was_done = store.steps("killed")[-1].state is State.ROLLED_BACK
    assert was_done or stored <= WRITES, "a rollback was reported and is lost"
    store.count(
        attempt, {(look_of(START), NEW, False, "error"): 99 - counts.get((look_of(START), NEW, False, "error"), 0)}
    )
    rollouts.judge()
    states = [one.state for one in store.steps("killed") if one.attempt == attempt]
    assert states == [State.RUNNING, State.ROLLED_BACK], f"steps {states}"
    return was_done


def main() -> None:
    """Kill and check as often as was asked."""
    folder, kills, torn = Path(sys.argv[1]), int(sys.argv[2]), "--torn" in sys.argv
    installation = Installation(load_settings(data_dir=folder), clock=lambda: START.replace(hour=10))
    place = folder / FILE
    if urls := [one for one in sys.argv[3:] if "://" in one]:
        from privacy.storage.postgres import PostgresServer

        place = installation.__dict__["server"] = PostgresServer(urls[0], None, require_tables)
    rollouts, rng, done = Rollouts(installation), random.Random(9), 0
    for _ in range(kills):
        text = document(CANARY, name="killed", subject=SUBJECT, guardrails=[{"name": "error"}])
        rollouts.create(text, KIM, replaces=True)
        store = RolloutStore(place)
        attempt = store.steps("killed")[-1].attempt
        store.count(attempt, {(look_of(START), version, False, name): n for (version, name), n in PAST.items()})
        reading, writing = os.pipe()
        worker = os.fork()
        if worker == 0:
            work_for_ever(rollouts, RolloutStore(place), attempt, writing, torn=torn)
        os.close(writing)
        with os.fdopen(reading, "rb", buffering=0) as reported:
            before = len([reported.read(1) for _ in range(rng.randint(0, WRITES + 1))])
            time.sleep(rng.uniform(0, LONGEST_SECONDS))
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
            done += check(rollouts, store, before + len(reported.read()))
        store.close()
    print(f"{kills} kills, {done} after the rollback")


if __name__ == "__main__":
    main()
