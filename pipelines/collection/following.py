"""Follows append logs and topics: pushes features on arrival, loads every second, and releases what waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from features.errors import FeatureError
from installation.collector.place import is_collected
from installation.contract.document import Contract
from installation.errors import InstallationError
from installation.event_log import log_error
from installation.installation import Installation
from pipelines.collection.arrival import Arrivals
from pipelines.collection.micro_batch import load_messages, load_segments
from pipelines.collection.waiting import WaitingEvents
from pipelines.errors import PipelineError, RunLockError
from pipelines.ingest.load_result import LoadResult
from privacy.errors import PrivacyError
from privacy.storage.database import DATABASE_ERRORS

PUSH_SECONDS = 0.05
LOAD_SECONDS = 1.0
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

    A load that fails is logged and tried again: the segments stay. While another run works in the data folder, loads
    wait; that run loads the segments that are sealed when it starts.

    Args:
        installation: an opened installation.
        contracts: the collected sources, and those that are topics.
        stop: ends the loop.
        report: gets the result of each load.
    """
    collected = [contract for contract in contracts if is_collected(contract)]
    pusher = threading.Thread(target=_push, args=(installation, collected, stop), name="push", daemon=True)
    pusher.start()
    releaser = threading.Thread(target=_release, args=(installation, collected, stop), name="release", daemon=True)
    releaser.start()
    while True:
        is_last = stop.is_set()
        pause = LOAD_SECONDS
        for contract in contracts:
            try:
                load = load_segments if is_collected(contract) else load_messages
                result = load(installation, contract)
            except RunLockError:
                continue
            except _FAILURES as error:
                log_error(error, source=_SOURCE)
                pause = PAUSE_SECONDS
                continue
            if result is not None:
                report(result)
        if is_last:
            break
        stop.wait(pause)
    pusher.join()
    releaser.join()


def _push(installation: Installation, contracts: Sequence[Contract], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            with ExitStack() as opened:
                arrivals = [opened.enter_context(Arrivals(installation, contract)) for contract in contracts]
                while not stop.is_set():
                    for one in arrivals:
                        one.push()
                    stop.wait(PUSH_SECONDS)
        except _FAILURES as error:
            log_error(error, source=_SOURCE)
            stop.wait(PAUSE_SECONDS)


def _release(installation: Installation, contracts: Sequence[Contract], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            with ExitStack() as opened:
                waiting = [opened.enter_context(WaitingEvents(installation, contract)) for contract in contracts]
                while not stop.is_set():
                    for one in waiting:
                        one.release()
                    stop.wait(RELEASE_SECONDS)
        except _FAILURES as error:
            log_error(error, source=_SOURCE)
            stop.wait(PAUSE_SECONDS)
