"""The data keys of persons as a store: destroying them erases every ciphertext of the person, in backups as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from installation.installation import Installation
from privacy.protection.key_store import WrappedKeyStore
from privacy.rights.subject import Subject
from privacy.rights.subject_store import CheckedPart, Correction, ExportedTable, Holding, Outcome, Verification
from privacy.rights.wording import Wording

_KEPT = Wording("As long as any field that they encrypt", "암호화한 항목을 보유하는 동안")


@dataclass(frozen=True)
class DataKeys:
    """The key store of an installation, see `SubjectStore`. It erases after the tables, see `after`."""

    installation: Installation
    name: str = "keys"
    paths: tuple[str, ...] = ("secret:keys.db*", "secret:key_encryption.json")
    after: tuple[str, ...] = ("lakehouse",)

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of keys that encrypt the person's identifiers."""
        count = self._alive([subject])
        what = Wording("Keys that encrypt your identifiers", "고객님의 식별 정보를 암호화하는 키")
        made = Wording("Made by our systems", "전산 시스템에서 생성")
        return [Holding("keys", count, what, (), made, _KEPT)] if count else []

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing: keys are secrets, and no data about the person."""
        return iter(())

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing."""
        return Outcome.not_applicable("Keys hold no data about persons.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: the consent record stops the use."""
        return Outcome.not_applicable("Keys hold no data about persons.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Destroy the keys of the persons' source persons."""
        count = self.installation.protection.cipher.destroy(_owners(subjects))
        return Outcome.done({"keys_destroyed": count})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Look for keys of the persons that were not destroyed."""
        keys, alive = self.installation.protection.cipher.store, self._alive(subjects)
        generation = keys.status().generation if isinstance(keys, WrappedKeyStore) else ""
        part = CheckedPart("keys.db", f"generation {generation}", "")
        return Verification((part,), (f"keys.db: {alive} keys of the person exist",) if alive else ())

    def _alive(self, subjects: Sequence[Subject]) -> int:
        return len(self.installation.protection.cipher.store.ids_of(_owners(subjects)))


def _owners(subjects: Sequence[Subject]) -> list[str]:
    return sorted({owner for subject in subjects for owner in subject.source_persons})
