"""`SubjectStore` of policies: the decisions about a person, with what they rested on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from features.policy.definition import PolicyDefinition
from features.policy.store import FILE, STORE, LoggedDecision, PolicyStore
from installation.installation import Installation
from installation.rights.owned_file import files_of
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
from privacy.storage.database import DATABASE_ERRORS, is_unwritten

if TYPE_CHECKING:
    from privacy.storage.database import Place

_PART = "policy/policy_decision"
_TITLE = Wording("Automatic choices about what you were shown", "고객님께 보여드릴 내용에 대한 자동 선택")
_SOURCE = Wording("Recorded while you used our services", "서비스 이용 중 기록")
_KEPT = Wording(
    "For the days that the policy states, or until you ask for erasure", "정책이 정한 기간 또는 삭제 요청 시까지"
)
_FIELDS = {
    "at": (Wording("At (UTC)", "일시 (UTC)"), "timestamp"),
    "policy": (Wording("Policy and version", "정책과 버전"), "string"),
    "arm": (Wording("Choice", "선택"), "string"),
    "probability": (Wording("Probability of the choice", "선택 확률"), "double"),
    "context": (Wording("Figures it rested on", "선택의 근거 지표"), "string"),
    "reward": (Wording("Measured success", "측정된 결과"), "double"),
}


@dataclass(frozen=True)
class PolicySubjects:
    """Finds, exports and deletes the decisions about a person by the customer ids. Versions hold sums."""

    installation: Installation
    name: str = STORE
    paths: tuple[str, ...] = ("policy/**",)

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of decisions about the person."""
        found, definitions = self._decisions(subject)
        return (Holding(_PART, len(found), _TITLE, _purposes(definitions), _SOURCE, _KEPT),) if found else ()

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield the decisions about the person, with the names and values of the context."""
        found, definitions = self._decisions(subject)
        if not found:
            return
        purposes = _purposes(definitions)
        fields = (ExportedField(n, title, purposes, _SOURCE, _KEPT, kind) for n, (title, kind) in _FIELDS.items())
        rows = (_row(one, definitions[one.name]) for one in found)
        yield ExportedTable(_PART, _TITLE, tuple(fields), tuple(rows))

    def _decisions(self, subject: Subject) -> tuple[list[LoggedDecision], dict[str, PolicyDefinition]]:
        if not self._exists:
            return [], {}
        with closing(PolicyStore(self._place)) as store:
            found = store.decisions_about(subject.customer_ids)
            return found, {name: store.versions(name)[-1].definition for name in {one.name for one in found}}

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: a decision is logged with what it rested on at the time."""
        return Outcome.not_applicable(
            "The log keeps what a decision rested on; the next one uses the corrected source."
        )

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: each decision, reward and training asks the consent record."""
        return Outcome.not_applicable("Each use asks the consent record, which holds the restriction.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete the decisions about these persons and overwrite them."""
        if not self._exists:
            return Outcome.done({"decisions": 0})
        try:
            with closing(PolicyStore(self._place)) as store:
                return Outcome.done({"decisions": store.erase(_customers(subjects))})
        except (OSError, *DATABASE_ERRORS) as error:
            return Outcome.failed(f"{FILE}: {error}")

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Look for decisions about these persons, and for them in the bytes of the files."""
        if not self._exists:
            return Verification()
        try:
            with closing(PolicyStore(self._place)) as store:
                count = store.count(_customers(subjects))
        except (OSError, *DATABASE_ERRORS) as error:
            return Verification(unverifiable=(f"{FILE}: {error}",))
        residues = (f"{_PART}: {count} rows",) if count else ()
        if not isinstance(self._place, Path):
            return Verification((CheckedPart("tables of policies on the server", "", ""),), residues)
        settings = self.installation.settings
        files = verify_files(subjects, files_of(settings, self.paths), settings.data_dir)
        return Verification(files.checked, (*residues, *files.residues), files.unverifiable)

    @property
    def _exists(self) -> bool:
        return not is_unwritten(self._place, STORE)

    @property
    def _place(self) -> Place:
        return self.installation.server or self.installation.settings.data_dir / FILE


def _customers(subjects: Sequence[Subject]) -> list[str]:
    return sorted({one for subject in subjects for one in subject.customer_ids})


def _purposes(definitions: Mapping[str, PolicyDefinition]) -> tuple[str, ...]:
    return tuple(sorted({one.purpose for one in definitions.values()}))


def _row(decision: LoggedDecision, definition: PolicyDefinition) -> dict[str, object]:
    context = zip(definition.context, decision.context, strict=True)
    return {
        "at": decision.at.replace(tzinfo=None),
        "policy": f"{decision.name}/{decision.number}",
        "arm": decision.arm,
        "probability": decision.propensities[definition.arms.index(decision.arm)],
        "context": ", ".join(f"{name}={value:g}" for name, value in context),
        "reward": decision.reward,
    }
