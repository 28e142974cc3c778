"""Opens what the door needs for one source: its contract, its log and the policy of its events."""

from __future__ import annotations

from dataclasses import dataclass

from agent_serving.collector.consent_policy import open_policy
from agent_serving.collector.policy import CollectionPolicy
from agent_serving.collector.projection import Projection
from installation.collector.append_log import AppendLog
from installation.collector.errors import LogError
from installation.collector.place import is_collected, segment_folder
from installation.collector.segment import seal_orphans
from installation.contract.document import Contract
from installation.installation import Installation


@dataclass(frozen=True)
class CollectedSource:
    """One source whose events arrive here."""

    contract: Contract
    projection: Projection
    log: AppendLog
    policy: CollectionPolicy

    def close(self) -> None:
        """Write what waits, seal the segment and close the policy."""
        self.log.close()
        self.policy.close()


def open_source(installation: Installation, contract: Contract) -> CollectedSource:
    """Return a collected source. Segments that a killed process left are sealed first.

    Raises:
        LogError: the contract is not collected, or its segments have no place.
        OSError: the folder of the segments cannot be used.
        ConsentError: its property `collection` has a fault, or the consent record cannot be read.
    """
    if not is_collected(contract):
        raise LogError(f"{contract.id} is not collected: its contract has no `collection: {{protocol: segment}}`.")
    folder = segment_folder(contract, installation.settings)
    seal_orphans(folder)
    return CollectedSource(contract, Projection(contract), AppendLog(folder), open_policy(installation, contract))
