"""`SubjectStore` of conversations: what a signed-in customer and the shopping agent said to each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from agent_serving.conversation.session import Session
from agent_serving.conversation.session_opening import open_sessions
from agent_serving.conversation.session_store import FILE, SessionStore
from installation.installation import Installation
from privacy.rights.subject import Subject
from privacy.rights.subject_scan import verify_files
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
from privacy.storage.database import is_unwritten

_PART = "chat/turn"
_TITLE = Wording("Your conversations with the shopping assistant", "쇼핑 도우미와 나눈 대화")
_SOURCE = Wording("You and the assistant wrote it", "고객님과 도우미가 작성")
_PURPOSES = ("service_delivery",)
_MOST_TURNS = 10_000
_FIELDS = {
    "at": (Wording("Time (UTC)", "일시 (UTC)"), "timestamp"),
    "branch": (Wording("Branch", "지점"), "string"),
    "message": (Wording("Your message, with personal data masked", "고객님의 메시지 (개인정보 가림)"), "string"),
    "answer": (Wording("The answer", "답변"), "string"),
    "cards": (Wording("What was shown", "보여 드린 항목"), "string"),
    "answered_by": (Wording("Written by", "작성 주체"), "string"),
}


@dataclass(frozen=True)
class Conversations:
    """The sessions of an installation. A visitor's session names no person; it ends by its time."""

    installation: Installation
    name: str = "conversations"
    paths: tuple[str, ...] = (str(FILE), f"{FILE}-journal")

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of the person's turns."""
        for table in self.export(subject):
            return [Holding(_PART, len(table.rows), _TITLE, _PURPOSES, _SOURCE, self._retention)]
        return []

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield every turn of the person."""
        if not self._exists or not subject.customer_ids:
            return
        with closing(self._open()) as store:
            rows = tuple(
                row for session in store.of_customers(subject.customer_ids) for row in _rows(store, session)
            )  # fmt: skip
        if rows:
            fields = (
                ExportedField(name, title, _PURPOSES, _SOURCE, self._retention, kind, is_provided=True)
                for name, (title, kind) in _FIELDS.items()
            )
            yield ExportedTable(_PART, _TITLE, tuple(fields), rows, is_provided=True)

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: a conversation has no field of a source."""
        return Outcome.not_applicable("A conversation holds no field of a source.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: each message asks the consent record."""
        return Outcome.not_applicable("Each message asks the consent record, which holds the restriction.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete the persons' sessions. A turn that is being answered is not kept any more."""
        if not self._exists:
            return Outcome.not_applicable("This installation has no conversations.")
        with closing(self._open()) as store:
            deleted = sum(store.delete(session.id) for session in store.of_customers(_customers(subjects)))
        return Outcome.done({"sessions_deleted": deleted})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Look for sessions of the persons, and decode the file."""
        if not self._exists:
            return Verification()
        with closing(self._open()) as store:
            left = len(store.of_customers(_customers(subjects)))
        residues = (f"conversations: {left} sessions of the person",) if left else ()
        settings = self.installation.settings
        if settings.online_redis_file is not None or self.installation.server is not None:
            # A server has no files here; its answer is what can be looked at.
            return Verification((CheckedPart("sessions of the server", "", ""),), residues)
        files = verify_files(subjects, [settings.data_dir / FILE], settings.data_dir)
        return Verification(files.checked, (*residues, *files.residues), files.unverifiable)

    @property
    def _retention(self) -> Wording:
        days = self.installation.settings.chat.keep_days
        return Wording(f"{days} days after the last message", f"마지막 메시지 후 {days}일")

    @property
    def _exists(self) -> bool:
        settings = self.installation.settings
        place = self.installation.server or settings.data_dir / FILE
        return settings.online_redis_file is not None or not is_unwritten(place, "sessions")

    def _open(self) -> SessionStore:
        return open_sessions(self.installation)


def _rows(store: SessionStore, session: Session) -> Iterator[dict[str, str]]:
    for turn in store.turns(session.id, _MOST_TURNS):
        yield {
            "at": turn.at.isoformat(timespec="seconds"), "branch": session.branch, "message": turn.message,
            "answer": turn.answer, "cards": ", ".join(card.title for card in turn.cards),
            "answered_by": turn.answered_by,
        }  # fmt: skip


def _customers(subjects: Sequence[Subject]) -> list[str]:
    return [customer for subject in subjects for customer in subject.customer_ids]
