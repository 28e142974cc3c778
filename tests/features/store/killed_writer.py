"""Kills writers of an online store at random moments, and checks the rows after each kill.

A program of its own: its children are forked from a process without other threads.

    python -m tests.features.store.killed_writer PLACE KILLS [--torn]

PLACE is a folder, or the URL of a Redis server. `--torn` is the negative control: each row is deleted, then written.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from features.store.lmdb_store import LmdbStore
from features.store.online_store import ValueKind, ViewSchema
from features.store.redis_store import RedisStore

SCHEMA = ViewSchema("load", tuple((name, ValueKind.STRING if name == "d" else ValueKind.INT64) for name in "abcd"))
CUSTOMERS = [f"c_{number:04}" for number in range(120)]
LONGEST_SECONDS = 0.04


def open_store(place: str) -> LmdbStore | RedisStore:
    """Return the store; rows are checked by this program instead of at the opening."""
    return RedisStore(place, "killed") if "://" in place else LmdbStore(Path(place), "killed", verify=False)


def row_of(version: int, number: int) -> list[int | str | None]:
    """Return the values of a customer in one version: all of them tell the version."""
    return [version, version * 31 + number, -version, f"{version}" * 20]


def write_for_ever(place: str, version: int, report: int, *, torn: bool) -> None:
    """Write one version after another, report each that is complete, and compact now and then."""
    store = open_store(place)
    while True:
        version += 1
        rows = [row_of(version, number) for number in range(len(CUSTOMERS))]
        if torn:
            store.delete(CUSTOMERS)
        store.write(SCHEMA, CUSTOMERS, [version] * len(rows), rows)
        os.write(report, version.to_bytes(8, "big"))
        if version % 5 == 0 and "://" not in place:
            store.compact()


def check(place: str, complete: int) -> int:
    """Return the version of the rows.

    Raises:
        AssertionError: a customer has neither the last complete version nor the one after it.
    """
    store = open_store(place)
    for number, row in enumerate(store.read(CUSTOMERS)):
        assert row is not None, f"customer {number} has no row after version {complete}"
        view = row["load"]
        version = view.event_time_us
        assert complete <= version <= complete + 1, f"version {version} after version {complete}"
        assert view.values == row_of(version, number), f"customer {number} has values of no version"
    store.close()
    return version


def main() -> None:
    """Kill and check as often as was asked."""
    place, kills, torn = sys.argv[1], int(sys.argv[2]), "--torn" in sys.argv
    rng, complete, versions = random.Random(9), 1, 0
    store = open_store(place)
    store.write(SCHEMA, CUSTOMERS, [1] * len(CUSTOMERS), [row_of(1, number) for number in range(len(CUSTOMERS))])
    store.close()
    for _ in range(kills):
        reading, writing = os.pipe()
        writer = os.fork()
        if writer == 0:
            write_for_ever(place, complete, writing, torn=torn)
        os.close(writing)
        time.sleep(rng.uniform(0, LONGEST_SECONDS))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        with os.fdopen(reading, "rb") as reported:
            done = [int.from_bytes(chunk, "big") for chunk in iter(lambda: reported.read(8), b"")]
        versions += len(done)
        complete = check(place, done[-1] if done else complete)
    print(f"{kills} kills, {versions} versions")


if __name__ == "__main__":
    main()
