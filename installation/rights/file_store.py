"""Files without rows about persons. That is verified: every file is decoded and searched for the persons of a case.

What is made anew by the next run, such as a report, is deleted where a person is found in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from installation.rights.owned_file import files_of
from installation.settings import Settings
from privacy.rights.subject import Subject
from privacy.rights.subject_scan import scan_for, verify_files
from privacy.rights.subject_store import Correction, ExportedTable, Holding, Outcome, Verification


@dataclass(frozen=True)
class FileStore:
    """Files in which no person should be, see `SubjectStore`.

    Attributes:
        settings: name the folders.
        name: name of the store.
        paths: globs of its files.
        reason: why no right applies to them.
        is_derived: whether the next run makes a deleted file anew.
    """

    settings: Settings
    name: str
    paths: tuple[str, ...]
    reason: str
    is_derived: bool = False

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return nothing: the files have no rows about persons."""
        return ()

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing."""
        return iter(())

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing, for the store's reason."""
        return Outcome.not_applicable(self.reason)

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing, for the store's reason."""
        return Outcome.not_applicable(self.reason)

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete the derived files in which a person is found; do nothing with other files."""
        if not self.is_derived:
            return Outcome.not_applicable(self.reason)
        scanned = scan_for(subjects, files_of(self.settings, self.paths))
        if scanned is None:
            return Outcome.failed("the look-up of the person has no identifier to search for")
        for path in scanned.with_person:
            path.unlink(missing_ok=True)
        return Outcome.done({"files_deleted": len(scanned.with_person), "files_searched": len(scanned.files)})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Decode every file and look for the persons."""
        return verify_files(subjects, files_of(self.settings, self.paths), self.settings.data_dir)
