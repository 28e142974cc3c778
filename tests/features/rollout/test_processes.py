"""Several processes count, judge and serve one rollout, and any of them may be killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from features.rollout.service import Rollouts
from features.rollout.store import FILE, RolloutStore, State
from tests.features.rollout.rollout_shop import CANARY, KIM, NEW, OLD, SUBJECT, RolloutShop, document
from tests.store_place import StorePlace

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shop(store_place: StorePlace) -> Iterator[RolloutShop]:
    made = RolloutShop(store_place)
    made.rollouts.create(document(CANARY), KIM)
    yield made
    made.close()


def killed(folder: Path, kills: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the program that kills processes."""
    command = [sys.executable, "-m", "tests.features.rollout.killed_judge", str(folder), str(kills), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_many_processes_count_every_call_and_roll_back_once(shop: RolloutShop) -> None:
    processes = [shop.process() for _ in range(6)]

    def call(process: Rollouts) -> None:
        for _ in range(5):
            process.record(SUBJECT, OLD, 80, 1)
            process.record(SUBJECT, NEW, 20, 10)
            process.flush()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(call, processes))
        shop.passes(timedelta(minutes=11))
        list(pool.map(Rollouts.judge, processes))
    steps = shop.rollouts.report("hybrid_3", KIM).steps
    assert [one.state for one in steps] == [State.RUNNING, State.ROLLED_BACK]
    assert steps[-1].reason.startswith("guardrail broken: error 50.00% against the old version's 1.25%")
    assert sum(action == "rollout.roll_back" for _, action in shop.audited()) == 1


def test_calls_of_other_versions_and_after_the_rollback_are_not_counted(shop: RolloutShop) -> None:
    shop.rollouts.record(SUBJECT, "hybrid/9", 5)
    shop.rollouts.record("search", NEW, 5)
    shop.rollouts.record(SUBJECT, NEW, 7)
    shop.rollouts.flush()
    shop.rollouts.stop("hybrid_3", "seen", KIM)
    shop.passes(timedelta(seconds=1))
    shop.rollouts.record(SUBJECT, NEW, 5)
    shop.rollouts.close()
    place = shop.installation.server or shop.installation.settings.data_dir / FILE
    assert list(RolloutStore(place).counts(1).values()) == [7]


def test_a_customer_who_tries_again_counts_once_in_a_look(shop: RolloutShop) -> None:
    place = shop.installation.server or shop.installation.settings.data_dir / FILE
    for _ in range(2):
        for customer, errors in (("c_1", 1), ("c_1", 1), ("c_1", 0), ("c_2", 0)):
            shop.rollouts.record(SUBJECT, NEW, 1, errors, customer=customer)
        shop.rollouts.flush()
        shop.passes(timedelta(minutes=10))
    counts = RolloutStore(place).counts(1)
    assert [(metric, count) for (_, _, _, metric), count in sorted(counts.items())] == [("calls", 2), ("error", 1)] * 2


def test_counts_are_kept_while_the_store_cannot_be_written(shop: RolloutShop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(store: RolloutStore, attempt: int, counts: object) -> None:
        raise OSError("no space left")

    shop.rollouts.record(SUBJECT, NEW, 7)
    with monkeypatch.context() as patched:
        patched.setattr(RolloutStore, "count", broken)
        with pytest.raises(OSError, match="no space"):
            shop.rollouts.flush()
    shop.rollouts.record(SUBJECT, NEW, 3)
    shop.rollouts.close()
    place = shop.installation.server or shop.installation.settings.data_dir / FILE
    assert list(RolloutStore(place).counts(1).values()) == [10]


def test_a_process_killed_at_40_moments_leaves_whole_counts_and_one_rollback(tmp_path: Path) -> None:
    done = killed(tmp_path, 40)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[2]) > 0, "none was killed after the rollback"


def test_the_kills_find_counts_that_are_stored_one_by_one(tmp_path: Path) -> None:
    assert "calls with" in killed(tmp_path, 20, "--torn").stderr


def test_a_killed_process_leaves_whole_counts_on_a_server(postgres_place: StorePlace) -> None:
    assert postgres_place.server is not None
    done = killed(postgres_place.folder, 20, postgres_place.server.conninfo)
    assert done.returncode == 0, done.stderr[-2000:]
