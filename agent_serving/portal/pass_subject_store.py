"""`SubjectStore` of the portal's links and sessions: a person's passes are deleted when the person is erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from agent_serving.errors import SiteUnavailable
from agent_serving.web.pass_store import FILE, SECRET_FILE, PassStore
from installation.installation import Installation
from privacy.rights.subject import Subject
from privacy.rights.subject_store import CheckedPart, Correction, ExportedTable, Holding, Outcome, Verification
from privacy.rights.wording import Wording
from privacy.storage.database import is_unwritten
from privacy.storage.secret_file import SecretError

if TYPE_CHECKING:
    from privacy.storage.database import Place

_TITLE = Wording("Your visits to the privacy pages", "개인정보 페이지 로그인")
_SOURCE = Wording("Made when you sign in", "로그인할 때 생성")
_RETENTION = Wording("Two hours at most", "최장 2시간")


@dataclass(frozen=True)
class PassSubjectStore:
    """Finds and deletes the passes of a person. Only the person's own link or cookie opens their content."""

    installation: Installation
    name: str = "portal"
    paths: tuple[str, ...] = (str(FILE), f"{FILE}-journal", f"secret:{SECRET_FILE}")

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of the person's passes."""
        if not self._exists:
            return ()
        with closing(self._open()) as passes:
            count = passes.count_of(subject.customer_ids)
        return (Holding("portal/pass", count, _TITLE, ("legal_records",), _SOURCE, _RETENTION),) if count else ()

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing: a pass says nothing but that the person has signed in, and `find` counts it."""
        yield from ()

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: passes hold no fields of a source."""
        return Outcome.not_applicable("Passes hold no fields of a source.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: a restricted person must still reach the own requests."""
        return Outcome.not_applicable("A person whose data are restricted signs in to see the own requests.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete the passes of these persons, which signs them out."""
        if not self._exists:
            return Outcome.done({"passes": 0})
        try:
            with closing(self._open()) as passes:
                return Outcome.done({"passes": passes.delete_of(_ids(subjects))})
        except (SiteUnavailable, SecretError) as error:
            return Outcome.failed(str(error))

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Look for passes of these persons, and for their customer ids in the bytes of the file."""
        place = self._place
        if not self._exists:
            return Verification()
        try:
            with closing(self._open()) as passes:
                owners = [passes.owner(one) for one in _ids(subjects)]
                left = passes.count_of(_ids(subjects))
            content = place.read_bytes() if isinstance(place, Path) else b""
        except (SiteUnavailable, SecretError, OSError) as error:
            return Verification(unverifiable=(f"{FILE}: {error}",))
        traces = [text for text in (*owners, *_ids(subjects)) if text.encode() in content]
        residues = (*(["portal/pass: passes"] * bool(left)), *(["portal/pass: bytes of the file"] * bool(traces)))
        return Verification((CheckedPart("portal/pass", "", sha256(content).hexdigest()),), residues)

    @property
    def _exists(self) -> bool:
        return not is_unwritten(self._place, "passes")

    @property
    def _place(self) -> Place:
        return self.installation.server or self.installation.settings.data_dir / FILE

    def _open(self) -> PassStore:
        return PassStore(self._place, self.installation.open_key(SECRET_FILE), self.installation.clock)


def _ids(subjects: Sequence[Subject]) -> list[str]:
    return [one for subject in subjects for one in subject.customer_ids]
