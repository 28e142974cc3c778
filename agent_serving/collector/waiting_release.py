"""Releases waiting events after decisions that were made elsewhere, such as in the portal, and deletes expired ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing

from agent_serving.collector.consent_policy import ConsentPolicy, open_policy
from installation.contract.document import Contract
from installation.installation import Installation


def release_waiting(
    installation: Installation, contract: Contract, append: Callable[[Sequence[bytes]], Future[None]]
) -> int:
    """Append the waiting events of a source that are permitted by now to its log; return how many.

    Denied and expired events are deleted. An event is deleted from the waiting ones when its line is on the disk; if
    the process is killed in between, the event is released again, and `messageId` tells the repeat.

    Args:
        installation: names the stores.
        contract: of the source.
        append: adds lines to the source's log, see `AppendLog.append`; its future's error is raised.
    """
    policy = open_policy(installation, contract)
    if not isinstance(policy, ConsentPolicy):
        return 0
    with closing(policy):
        lines = policy.release(installation.clock())
        if lines:
            append(lines).result()
            policy.forget(lines)
    return len(lines)
