"""`SubjectStore` of experiments: the variants of a person, and the outcomes that were recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from features.experiment.store import FILE, STORE, ExperimentStore
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

if TYPE_CHECKING:
    from privacy.storage.database import Place

_SOURCE = Wording("Recorded while you used our services", "서비스 이용 중 기록")
_KEPT = Wording("Until you ask for erasure", "삭제 요청 시까지")
_TITLES = {
    "experiment_assignment": Wording("Variants of experiments that you were shown", "고객님께 보여드린 실험안"),
    "experiment_outcome": Wording("Figures of you in experiments", "실험에서 측정한 고객님의 지표"),
}
_FIELDS = {
    "experiment": (Wording("Experiment", "실험"), "string"),
    "content": (Wording("Variant or figure", "실험안 또는 지표"), "string"),
    "at": (Wording("At (UTC)", "일시 (UTC)"), "string"),
}


@dataclass(frozen=True)
class ExperimentSubjects:
    """Finds, exports and deletes a person's rows by the customer ids. Results keep no row of an erased person."""

    installation: Installation
    name: str = STORE
    paths: tuple[str, ...] = (str(FILE), f"{FILE}-journal")

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of rows of each table about the person."""
        if not self._exists:
            return ()
        with closing(ExperimentStore(self._place)) as store:
            found, purposes = store.rows_of(subject.customer_ids), _purposes(store)
        return tuple(
            Holding(f"experiment/{table}", len(rows), _TITLES[table], _of(rows, purposes), _SOURCE, _KEPT)
            for table, rows in found.items()
            if rows
        )

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield the person's variants and outcomes."""
        if not self._exists:
            return
        with closing(ExperimentStore(self._place)) as store:
            found, purposes = store.rows_of(subject.customer_ids), _purposes(store)
        for table, rows in found.items():
            if rows:
                fields = tuple(
                    ExportedField(name, title, _of(rows, purposes), _SOURCE, _KEPT, kind)
                    for name, (title, kind) in _FIELDS.items()
                )
                named = tuple(dict(zip(_FIELDS, row, strict=True)) for row in rows)
                yield ExportedTable(f"experiment/{table}", _TITLES[table], fields, named)

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: a figure of an experiment is what was measured at the time."""
        return Outcome.not_applicable("An experiment keeps what was measured; no field of a source is in it.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: each assignment, outcome and report asks the consent record."""
        return Outcome.not_applicable("Each use asks the consent record, which holds the restriction.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete the rows of these persons and overwrite them."""
        if not self._exists:
            return Outcome.done({"rows": 0})
        try:
            with closing(ExperimentStore(self._place)) as store:
                return Outcome.done({"rows": store.erase(_customers(subjects))})
        except (OSError, *DATABASE_ERRORS) as error:
            return Outcome.failed(f"{FILE}: {error}")

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Look for rows of these persons, and for them in the decoded file."""
        place = self._place
        if not self._exists:
            return Verification()
        try:
            with closing(ExperimentStore(place)) as store:
                counts = store.count(_customers(subjects))
        except (OSError, *DATABASE_ERRORS) as error:
            return Verification(unverifiable=(f"{FILE}: {error}",))
        residues = tuple(f"experiment/{table}: {count} rows" for table, count in counts.items() if count)
        if not isinstance(place, Path):
            return Verification((CheckedPart("tables of experiments on the server", "", ""),), residues)
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


def _purposes(store: ExperimentStore) -> dict[str, str]:
    """Return the purpose of each experiment."""
    return {one.experiment.name: one.experiment.purpose for one in store.newest()}


def _of(rows: Sequence[tuple[str, str, str]], purposes: dict[str, str]) -> tuple[str, ...]:
    """Return the purposes of the experiments of some rows."""
    return tuple(sorted({purposes[name] for name, _, _ in rows}))


def _customers(subjects: Sequence[Subject]) -> list[str]:
    return sorted({one for subject in subjects for one in subject.customer_ids})
