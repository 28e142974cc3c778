"""Follows append logs and topics: pushes features on arrival, loads every second, and releases what waits."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from features.errors import FeatureError
from installation.collector.place import is_collected, segment_folder
from installation.contract.document import Contract
from installation.errors import InstallationError
from installation.event_log import log_error
from installation.installation import Installation
from pipelines.collection.arrival import Arrivals
from pipelines.collection.log_tail import LogTail
from pipelines.collection.micro_batch import load_messages, load_segments
from pipelines.collection.waiting import WaitingEvents
from pipelines.errors import PipelineError, RunLockError
from pipelines.ingest.load_result import LoadResult
from privacy.errors import PrivacyError
from privacy.storage.database import DATABASE_ERRORS

PUSH_SECONDS = 0.02
LOAD_SECONDS = 1.0
LOOK_SECONDS = 2.0
"""Most time that a load waits for the pusher; segments that it has not looked at are deleted by a later load."""
SILENT_SECONDS = 30.0
"""Time without a look after which segments are deleted without one. What the pusher misses, the next batch counts."""
RELEASE_SECONDS = 5.0
"""Time between two looks for events that waited for a decision which was made elsewhere."""
PAUSE_SECONDS = 5.0
"""Time after a failed load or push, such as on a full disk; nothing is lost meanwhile."""
_SOURCE = "bojagi.collect"
_FAILURES = (PipelineError, FeatureError, InstallationError, PrivacyError, OSError, *DATABASE_ERRORS)


def follow(
    installation: Installation,
    contracts: Sequence[Contract],
    stop: threading.Event,
    report: Callable[[LoadResult], None],
) -> None:
    """Load and push until `stop` is set; then load once more what is sealed.

    A load that fails is logged and tried again: the segments stay. Loads wait while a refresh loads its sources, and
    while a command changes tables, such as an erasure.

    Args:
        installation: an opened installation.
        contracts: the collected sources, and those that are topics.
        stop: ends the loop.
        report: gets the result of each load.
    """
    collected = [contract for contract in contracts if is_collected(contract)]
    looks = _Looks()
    pusher = threading.Thread(target=_push, args=(installation, collected, stop, looks), name="push", daemon=True)
    pusher.start()
    releaser = threading.Thread(target=_release, args=(installation, collected, stop), name="release", daemon=True)
    releaser.start()
    while True:
        is_last = stop.is_set()
        pause = LOAD_SECONDS
        for contract in contracts:
            try:
                if is_collected(contract):
                    result = load_segments(installation, contract, may_delete=looks.wait_for_next)
                else:
                    result = load_messages(installation, contract)
            except RunLockError:
                continue
            except _FAILURES as error:
                log_error(error, source=_SOURCE)
                pause = PAUSE_SECONDS
                continue
            if result is not None and (result.files_new or result.refused):
                report(result)
        if is_last:
            break
        stop.wait(pause)
    pusher.join()
    releaser.join()


class _Looks:
    """Counts the looks of the pusher at the logs, so that a segment is not deleted before it was looked at."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._begun = self._ended = 0
        self._ended_at = time.monotonic()

    def begin(self) -> int:
        """Note that a look begins; return its number."""
        with self._changed:
            self._begun += 1
            return self._begun

    def end(self, number: int) -> None:
        """Note that a look has ended."""
        with self._changed:
            self._ended, self._ended_at = number, time.monotonic()
            self._changed.notify_all()

    def wait_for_next(self) -> bool:
        """Wait for a look that begins after this moment; return whether segments may be deleted now."""
        with self._changed:
            wanted = self._begun + 1
            silent = time.monotonic() - self._ended_at > SILENT_SECONDS
            return silent or self._changed.wait_for(lambda: self._ended >= wanted, LOOK_SECONDS)


def _push(installation: Installation, contracts: Sequence[Contract], stop: threading.Event, looks: _Looks) -> None:
    tails: dict[str, LogTail] = {}
    while not stop.is_set():
        try:
            with ExitStack() as opened:
                arrivals = []
                for contract in contracts:
                    # A tail outlives a failure, so that no event is missed.
                    tail = tails.get(contract.id) or LogTail(segment_folder(contract, installation.settings))
                    tails[contract.id] = tail
                    arrivals.append(opened.enter_context(Arrivals(installation, contract, tail)))
                while not stop.is_set():
                    number = looks.begin()
                    for one in arrivals:
                        one.push()
                    looks.end(number)
                    stop.wait(PUSH_SECONDS)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: its end would be noticed by nobody
            log_error(error, source=_SOURCE)
            stop.wait(PAUSE_SECONDS)
    looks.end(sys.maxsize)


def _release(installation: Installation, contracts: Sequence[Contract], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            with ExitStack() as opened:
                waiting = [opened.enter_context(WaitingEvents(installation, contract)) for contract in contracts]
                while not stop.is_set():
                    for one in waiting:
                        one.release()
                    stop.wait(RELEASE_SECONDS)
        except Exception as error:  # noqa: BLE001 - see `_push`
            log_error(error, source=_SOURCE)
            stop.wait(PAUSE_SECONDS)
