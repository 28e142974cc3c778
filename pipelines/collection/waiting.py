"""Releases waiting events after decisions that were made elsewhere, such as in the portal, and deletes expired ones."""

from __future__ import annotations

from types import TracebackType

from agent_serving.collector.consent_policy import ConsentPolicy, open_policy
from installation.collector.append_log import AppendLog
from installation.collector.place import segment_folder
from installation.contract.document import Contract
from installation.installation import Installation


class WaitingEvents:
    """The waiting events of one source. Use it as a context manager: opening reads all consents."""

    def __init__(self, installation: Installation, contract: Contract) -> None:
        """Open the policy of the source and its log.

        Raises:
            ConsentError: the contract's property `collection` has a fault, or the consent record cannot be read.
            LogError: the segments have no place.
        """
        self._installation = installation
        policy = open_policy(installation, contract)
        self._policy = policy if isinstance(policy, ConsentPolicy) else None
        self._log = AppendLog(segment_folder(contract, installation.settings)) if self._policy is not None else None

    def __enter__(self) -> WaitingEvents:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._log is not None:
            self._log.close()
        if self._policy is not None:
            self._policy.close()

    def release(self) -> int:
        """Append the events that are permitted by now to the source's log; return how many.

        Denied and expired events are deleted. An event is deleted from the waiting ones when its line is on the disk;
        if the process is killed in between, it is released again, and `messageId` tells the repeat.

        Raises:
            LogBusy, LogFailed: the log cannot be written; the events wait on.
        """
        if self._policy is None or self._log is None:
            return 0
        count = 0
        while lines := self._policy.release(self._installation.clock()):
            self._log.append(lines).result()
            self._policy.forget(lines)
            count += len(lines)
        return count
