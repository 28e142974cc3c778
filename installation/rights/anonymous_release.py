"""Published anonymous tables as a store: what left the company cannot be recalled, and the answer says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from installation.installation import Installation
from installation.rights.file_store import FileStore
from privacy.rights.subject import Subject
from privacy.rights.subject_store import Correction, ExportedTable, Holding, Outcome, Verification
from privacy.rights.wording import Wording

_REASON = (
    "An anonymous release has no rows about single persons. The registry keeps keyed hashes, so that two releases "
    "together reveal no more than one."
)
_KEPT = Wording("It cannot be recalled, and does not identify you", "회수할 수 없으며 고객님을 식별하지 않습니다")


@dataclass(frozen=True)
class AnonymousReleases:
    """The registry of releases of an installation, see `SubjectStore`."""

    installation: Installation
    name: str = "releases"
    paths: tuple[str, ...] = ("released/**", "secret:release.key")

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the releases whose newest version counted the person, with their recipients."""
        return [
            Holding(
                f"release/{table}", 1,
                Wording(
                    f"Anonymous release {table}, version {version}, of which you were one of many",
                    f"익명 공개 자료 {table} {version}판 (다수 중 한 명으로 포함)",
                ),
                ("research",),
                Wording(f"Recipients: {recipients}", f"제공받는 자: {recipients}"),
                _KEPT,
            )
            for table, version, recipients in self._with(subject)
        ]  # fmt: skip

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing: a release has no row about a single person."""
        return iter(())

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: the next release takes the corrected tables."""
        return Outcome.not_applicable(_REASON)

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: the next release leaves out who does not permit it."""
        return Outcome.not_applicable(_REASON)

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Recall nothing, and state which releases counted one of the persons."""
        found = {one for subject in subjects for one in self._with(subject)}
        remaining = [
            f"Anonymous release {table} (version {version}, recipients: {recipients}) left and cannot be recalled. It "
            "has no row that identifies a person. Later versions leave the person's class out."
            for table, version, recipients in sorted(found)
        ]
        return replace(Outcome.not_applicable(_REASON), remaining=tuple(remaining))

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Decode the registry and look for the persons; keyed hashes are no trace."""
        return FileStore(self.installation.settings, self.name, self.paths[:1], _REASON).verify(subjects)

    def _with(self, subject: Subject) -> list[tuple[str, int, str]]:
        if not (self.installation.settings.data_dir / "released" / "release.jsonl").exists():
            return []
        registry = self.installation.release_registry()
        found = []
        for table in registry.tables():
            releases, published = registry.releases(table), registry.published(table)
            if any(registry.token(one) in published for one in subject.customer_ids):
                found.append((table, len(releases), ", ".join(sorted({one.recipient for one in releases}))))
        return found
