"""`SubjectStore` of the visitors of collected sources: what waits for a decision, and what a person's devices said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from agent_serving.collector.visitor_store import FILE, SECRET_FILE, STORE, VisitorStore
from installation.installation import Installation
from privacy.rights.subject import Subject
from privacy.rights.subject_scan import needles_of, verify_files
from privacy.rights.subject_store import (
    CheckedPart,
    Correction,
    ExportedField,
    ExportedTable,
    Holding,
    Outcome,
    Verification,
)
from privacy.rights.wording import Wording
from privacy.storage.database import DATABASE_ERRORS, is_unwritten
from privacy.storage.secret_file import SecretError

if TYPE_CHECKING:
    from privacy.storage.database import Place

_SOURCE = Wording("Sent by your browser or app", "고객님의 브라우저나 앱이 전송")
_PURPOSES = ("legal_records",)
_PARTS = {
    "visitor_answer": (
        Wording("Consent choices of your devices", "기기별 동의 선택"),
        Wording("Two years after the choice at most", "선택 후 최장 2년"),
    ),
    "visitor_person": (
        Wording("Devices on which you signed in", "로그인한 기기"),
        Wording("Two years after the first sign-in at most", "첫 로그인 후 최장 2년"),
    ),
    "waiting_event": (
        Wording("Visits that wait for your consent choice", "동의 선택을 기다리는 방문 기록"),
        Wording("As long as the source's contract says, 30 days at most", "계약에 정한 기간, 최장 30일"),
    ),
}
"""What each table holds, and for how long."""


@dataclass(frozen=True)
class VisitorSubjectStore:
    """Finds, exports and deletes the rows of a person: by the person's tokens, and by devices of only this person."""

    installation: Installation
    name: str = "visitors"
    paths: tuple[str, ...] = (str(FILE), f"{FILE}-journal", f"secret:{SECRET_FILE}")

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of rows of each table about the person."""
        if not self._exists:
            return ()
        with closing(self._open()) as store:
            counts = store.count(_names(store, [subject]))
        return tuple(
            Holding(f"collector/{table}", counts[table], title, _PURPOSES, _SOURCE, retention)
            for table, (title, retention) in _PARTS.items()
            if counts[table]
        )

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield the events that wait. A row has the fields that the source's contract declares, as one text of JSON."""
        if not self._exists:
            return
        with closing(self._open()) as store:
            lines = store.lines_of(_names(store, [subject]))
        title, retention = _PARTS["waiting_event"]
        if lines:
            names = {
                "source": Wording("Source", "수집 경로"),
                "arrived_at": Wording("Received at (UTC)", "수신 일시 (UTC)"),
                "event": Wording("The event", "이벤트"),
            }
            fields = tuple(
                ExportedField(name, meaning, _PURPOSES, _SOURCE, retention, is_provided=True)
                for name, meaning in names.items()
            )
            rows = tuple(
                {"source": source, "arrived_at": at, "event": json.dumps(json.loads(line), ensure_ascii=False)}
                for source, at, line in lines
            )
            yield ExportedTable("collector/waiting_event", title, fields, rows, is_provided=True)

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: a waiting event is corrected at the load, if it is released."""
        return Outcome.not_applicable("A waiting event is corrected when it is loaded, by the list of corrections.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: each event and each release asks the consent record."""
        return Outcome.not_applicable("Each event asks the consent record, which holds the restriction.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete the rows of these persons and overwrite them."""
        if not self._exists:
            return Outcome.done({"rows": 0})
        try:
            with closing(self._open()) as store:
                return Outcome.done({"rows": store.erase(_names(store, subjects))})
        except (SecretError, OSError, *DATABASE_ERRORS) as error:
            return Outcome.failed(f"{FILE}: {error}")

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Look for rows of these persons, and for them in the decoded file."""
        place = self._place
        if not self._exists:
            return Verification()
        try:
            with closing(self._open()) as store:
                counts = store.count(_names(store, subjects))
        except (SecretError, OSError, *DATABASE_ERRORS) as error:
            return Verification(unverifiable=(f"{FILE}: {error}",))
        residues = tuple(f"collector/{table}: {count} rows" for table, count in counts.items() if count)
        if not isinstance(place, Path):
            return Verification((CheckedPart("tables of visitors on the server", "", ""),), residues)
        if not needles_of(subjects):
            return Verification((CheckedPart(str(FILE), "", sha256(place.read_bytes()).hexdigest()),), residues)
        files = verify_files(subjects, [place], self.installation.settings.data_dir)
        return Verification(files.checked, (*residues, *files.residues), files.unverifiable)

    @property
    def _exists(self) -> bool:
        return not is_unwritten(self._place, STORE)

    @property
    def _place(self) -> Place:
        return self.installation.server or self.installation.settings.data_dir / FILE

    def _open(self) -> VisitorStore:
        return VisitorStore(self._place, self.installation.open_key(SECRET_FILE))


def _names(store: VisitorStore, subjects: Sequence[Subject]) -> list[str]:
    """Return the tokens by which the store knows these persons, and the devices of only these persons."""
    own = [token for subject in subjects for _, token in subject.tokens]
    return sorted({*own, *store.devices_of(own)})
