"""The store `requests`: the requests of data subjects themselves, their answers and certificates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from privacy.rights.case import EXECUTOR
from privacy.rights.request import EventKind, Request, Right, State
from privacy.rights.service import RightsService
from privacy.rights.subject import Subject
from privacy.rights.subject_scan import verify_files
from privacy.rights.subject_store import (
    Correction,
    ExportedField,
    ExportedTable,
    Holding,
    Outcome,
    Verification,
)
from privacy.rights.wording import Wording

_TITLE = Wording("Your requests for your rights", "권리 행사 요청 내역")
_SOURCE = Wording("You, or the person who acts for you", "본인 또는 대리인")
_KEPT = Wording(
    "The course of a request is kept as proof of the answer, under a reference without meaning; what you sent with it "
    "is deleted when it ends.",
    "요청의 처리 경과는 답변의 증명으로 의미 없는 참조 번호로 보관되며, 함께 보내신 내용은 요청이 끝나면 삭제됩니다.",
)
_FIELDS = {
    "request": Wording("Number of the request", "요청 번호"),
    "right": Wording("Right", "권리"),
    "state": Wording("State", "상태"),
    "received_at": Wording("Received", "접수 시각"),
    "due_on": Wording("Last day for the answer", "처리 기한"),
    "completed_at": Wording("Ended", "종료 시각"),
}
_PURPOSES = ("legal_records",)


@dataclass(frozen=True)
class RequestRecords:
    """The requests of one installation. `folder`: data/rights, with the store, the answers and the certificates."""

    service: RightsService
    folder: Path
    name: str = "requests"
    paths: tuple[str, ...] = (
        "rights/**", "secret:rights.key", "secret:rights.anchor*", "secret:rights_signing.key",
    )  # fmt: skip

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of requests about the person."""
        count = len(self._requests([subject]))
        return [Holding("requests", count, _TITLE, _PURPOSES, _SOURCE, _KEPT)] if count else []

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield the requests about the person."""
        rows = tuple(_row(request) for request in self._requests([subject]))
        fields = tuple(ExportedField(name, title, _PURPOSES, _SOURCE, _KEPT) for name, title in _FIELDS.items())
        if rows:
            yield ExportedTable("requests", _TITLE, fields, rows)

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """A history is not corrected."""
        return Outcome.not_applicable("The history of requests holds no data about the person.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Requests go on."""
        return Outcome.not_applicable("Requests are answered also while the use of the data is restricted.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete what links requests to the persons: answers, submissions, and the hashes of customer ids.

        Requests of the persons that wait for a decision end. The courses of requests stay, without a person. The case
        of the erasure itself keeps its sealed look-up until its certificate is signed.
        """
        cases, store, answers, ended = self.service.cases, self.service.log.store, 0, 0
        for request in self._requests(subjects):
            if _is_being_erased(request):
                continue
            if request.state in (State.SUBMITTED, State.VERIFIED):
                with store.change():
                    self.service.log.append(request, EventKind.WITHDRAWN, EXECUTOR, {"because": "person_erased"})
                ended += 1
            answers += request.is_answer_ready
            cases.delete_answer(request)
        references = [subject.reference for subject in subjects]
        with store.change():
            links = store.forget_persons(references, [one for subject in subjects for one in subject.customer_ids])
        return Outcome.done({"answers_deleted": answers, "requests_ended": ended, "links_deleted": links})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Decode all files of the store, and look for the persons, for links to them, and for sealed content."""
        store = self.service.log.store
        residues = [f"sealed content of {one}" for one in self._sealed(subjects)]
        ids = [one for subject in subjects for one in subject.customer_ids]
        if store.knows_persons([subject.reference for subject in subjects], ids):
            residues.append("rights/request.db, a link from a customer id")
        unverifiable = [f"rights/request.db, entry {fault.number}: {fault.message}" for fault in store.verify()]
        files = verify_files(subjects, (path for path in self.folder.rglob("*") if path.is_file()), self.folder.parent)
        version = store.head().partition(" ")[0]
        return Verification(
            tuple(replace(part, version=version) for part in files.checked),
            (*residues, *files.residues),
            (*unverifiable, *files.unverifiable),
        )

    def _sealed(self, subjects: Sequence[Subject]) -> list[str]:
        sealed = self.service.log.store.sealed_names()
        return [one.id for one in self._requests(subjects) if one.id in sealed and not _is_being_erased(one)]

    def _requests(self, subjects: Sequence[Subject]) -> list[Request]:
        ids = [one for subject in subjects for one in subject.customer_ids]
        references = {subject.reference for subject in subjects} | self.service.log.store.references_of(ids)
        return [request for reference in sorted(references) for request in self.service.log.of_person(reference)]


def _is_being_erased(request: Request) -> bool:
    return request.right is Right.ERASURE and request.state is State.EXECUTING


def _row(request: Request) -> dict[str, str | None]:
    ended = request.completed_at
    return {
        "request": request.id, "right": str(request.right), "state": str(request.state),
        "received_at": request.received_at.isoformat(), "due_on": request.due_on.isoformat(),
        "completed_at": None if ended is None else ended.isoformat(),
    }  # fmt: skip
