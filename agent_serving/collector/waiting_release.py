"""Releases waiting events after decisions that were made elsewhere, such as in the portal, and deletes expired ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime

from agent_serving.collector.consent_policy import ConsentPolicy


def release_waiting(policy: ConsentPolicy, append: Callable[[Sequence[bytes]], Future[None]], now: datetime) -> int:
    """Append the waiting events of a source that are permitted by now to its log; return how many.

    Denied and expired events are deleted. An event is deleted from the waiting ones when its line is on the disk; if
    the process is killed in between, the event is released again, and `messageId` tells the repeat.

    Args:
        policy: of the source, see `consent_policy.open_policy`. Keep it open: opening reads all consents.
        append: adds lines to the source's log, see `AppendLog.append`; its future's error is raised.
        now: the time with its zone.
    """
    lines = policy.release(now)
    if lines:
        append(lines).result()
        policy.forget(lines)
    return len(lines)
