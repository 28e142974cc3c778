"""`SubjectStore` of the destinations: programs that have a person's profile are told to delete it (GDPR art. 19)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from features.destination.delivery import Delivery, DeliveryReport
from features.destination.errors import DestinationError
from features.destination.file_export import FileExport
from features.destination.opening import open_channel
from features.destination.sent_profile import destinations_of
from installation.destination_settings import DestinationSettings
from installation.errors import SettingsError
from installation.installation import Installation
from privacy.rights.subject import Subject
from privacy.rights.subject_store import Correction, ExportedTable, Holding, Outcome, Verification


@dataclass(frozen=True)
class DestinationNotices:
    """Tells the destinations before the tables erase. What they were sent is a table, which the lakehouse shows."""

    installation: Installation
    name: str = "destinations"
    paths: tuple[str, ...] = ()

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return nothing: `silver/sent_profile` is found with the tables."""
        return ()

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing."""
        return iter(())

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: the next call sends what has changed."""
        return Outcome.not_applicable("A corrected profile is sent when it has changed.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: the next call sends a removal, because the person does not permit the purpose."""
        return Outcome.not_applicable("Each call asks the consent record, which holds the restriction.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Send a removal to each destination that has the profile of one of these persons."""
        customers = [one for subject in subjects for one in subject.customer_ids]
        told, faults, unknown = 0, [], []
        settings = self.installation.settings
        for name in destinations_of(self.installation.lakehouse, customers):
            destination = settings.destinations.get(name)
            if destination is None:
                unknown.append(f"The destination {name} has the profile. It is not in the settings and was not told.")
                continue
            try:
                report = self._remove(name, destination, customers)
            except (DestinationError, SettingsError) as error:
                faults.append(f"{name}: {error}")
                continue
            told += report.removed
            if report.dead:
                unknown.append(f"{name}: {report.dead} identifiers are stored no more, so no list could name them.")
            if report.failed:
                faults.append(f"{name}: it did not take the removal. {report.fault}".rstrip())
        if faults:
            return Outcome.failed("; ".join(faults), {"removals_sent": told})
        return Outcome.done({"removals_sent": told}, remaining=unknown)

    def _remove(self, name: str, destination: DestinationSettings, customers: Sequence[str]) -> DeliveryReport:
        if destination.file is not None:
            return FileExport(self.installation, name, destination).remove(customers)
        with open_channel(self.installation.settings, destination, self.installation.clock) as channel:
            return Delivery(self.installation, name, destination, channel).remove(customers)

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Return nothing to look at: the tables are verified by their own store."""
        return Verification()
