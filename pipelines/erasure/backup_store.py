"""The store `backups`: copies of the data that the settings name. Nothing in them is changed.

Identifiers in a copy die with the person's keys, which no backup of the data holds. What is left are pseudonymous rows.
The certificate names each copy and its expiry. A copy that still shows an identifier in clear, such as one of the
landing folder, keeps the request open until it is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from installation.settings import Settings
from privacy.protection.scan.folder import scan_folders
from privacy.protection.scan.matcher import Matcher
from privacy.rights.subject import Subject
from privacy.rights.subject_store import CheckedPart, Correction, ExportedTable, Holding, Outcome, Verification


@dataclass(frozen=True)
class BackupStore:
    """The backups that the settings name."""

    settings: Settings
    name: str = "backups"
    paths: tuple[str, ...] = ()

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return nothing: a copy has the rows of the other stores."""
        return []

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing: a copy has the rows of the other stores."""
        yield from ()

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """A restored copy is corrected when it is read."""
        return Outcome.not_applicable("Copies are not changed; after a restore corrections are applied again.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Nothing reads a copy."""
        return Outcome.not_applicable("Nothing reads a copy.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Change nothing, and state which copies hold pseudonymous rows until when."""
        if not self.settings.backups:
            return Outcome.not_applicable("The settings name no backup.")
        return Outcome.done(
            {"backups": len(self.settings.backups)},
            remaining=[
                f"The backup {one.name} holds rows without readable identifiers until it is deleted on "
                f"{one.expires_on.isoformat()}. If it is restored, the rows are erased again."
                for one in self.settings.backups
            ],
        )

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Search each copy that can be read for identifiers in clear."""
        needles = [needle for subject in subjects for needle in subject.needles]
        checked: list[CheckedPart] = []
        residues: set[str] = set()
        unverifiable: list[str] = []
        for one in self.settings.backups:
            if one.path is None or not needles:
                continue
            if not one.path.is_dir():
                unverifiable.append(f"backup {one.name}: its folder cannot be read; delete its entry or its path")
                continue
            report = scan_folders([one.path], Matcher(needles, self.settings.phone_region))
            residues |= {f"backup {one.name}: {found.needle} in clear" for found in report.findings}
            unverifiable += [f"backup {one.name}: {part.reason}" for part in report.undecoded]
            checked.append(CheckedPart(f"backup {one.name}", f"{report.files} files", ""))
        return Verification(tuple(checked), tuple(sorted(residues)), tuple(sorted(set(unverifiable))))
