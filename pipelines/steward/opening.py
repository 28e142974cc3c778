"""Opens the steward's service on an installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agent_serving.console.errors import DecisionRefused
from installation.installation import Installation
from installation.lakehouse_claim import require_own
from pipelines.ingest.load_id import in_utc
from pipelines.matching.errors import IdentityError
from pipelines.register.decision import Verdict
from pipelines.steward.steward_service import StewardService


def steward_service(installation: Installation, steward: str) -> StewardService:
    """Return the service that finds customers and lists decisions, for one steward."""
    return StewardService(
        installation.lakehouse, installation.contracts, installation.tokenizer.token,
        lambda: in_utc(installation.clock()), steward,
    )  # fmt: skip


def deciding_service(installation: Installation, steward: str) -> StewardService:
    """Return the service that records decisions, after checking that the lakehouse belongs to this installation."""
    require_own(installation)
    return steward_service(installation, steward)


@dataclass(frozen=True)
class ConsoleSteward:
    """Records decisions for the console, which knows no errors of identity resolution."""

    installation: Installation
    steward: str

    def decide(self, verdict: Verdict, first: str, second: str, reason: str) -> None:
        """Record that two customers or records are one person, or two people.

        Raises:
            DecisionRefused: see `StewardService.decide`.
        """
        with _refusals():
            deciding_service(self.installation, self.steward).decide(verdict, first, second, reason)

    def revert(self, event_id: str, reason: str) -> None:
        """Record the decisions that undo an event.

        Raises:
            DecisionRefused: see `StewardService.revert`.
        """
        with _refusals():
            deciding_service(self.installation, self.steward).revert(event_id, reason)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except IdentityError as refused:
        raise DecisionRefused(str(refused)) from refused
