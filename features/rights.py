"""The stores of personal data that features own: the online store, Feast's repository, experiments and policies.

Offline features are the gold tables, which are erased with the lakehouse. A training set is a result in memory. Models
are stored by `pipelines.federated`, which has a store of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from features.definition import FeatureCatalog, read_catalog
from features.experiment.subject_store import ExperimentSubjects
from features.policy.subject_store import PolicySubjects
from features.repo.push import PUSHED
from features.store.online_store import OnlineStore, StoredRow
from features.store.opening import open_online_store
from installation.installation import Installation
from installation.rights.file_store import FileStore
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
    SubjectStore,
    Verification,
)
from privacy.rights.wording import Wording

_PART = "online/feature"
_TITLE = Wording("Figures about you that services read", "서비스가 실시간으로 읽는 고객 지표")
_SOURCE = Wording("Computed from your data", "고객님의 데이터로 산출")
_KEPT = Wording(
    "Until the next computation replaces it, or you withdraw your consent", "다음 산출 시까지, 또는 동의 철회 시까지"
)
_FIELDS = {
    "feature": (Wording("Figure", "지표"), "string"),
    "value": (Wording("Value", "값"), "string"),
    "valid_from": (Wording("Valid from (UTC)", "기준 일시 (UTC)"), "timestamp"),
}
REPOSITORY = "Feast's repository has definitions of features, no values of persons."


@dataclass(frozen=True)
class OnlineFeatures:
    """The online store of an installation, see `SubjectStore`. Its files are those of the embedded store."""

    installation: Installation
    name: str = "online features"
    paths: tuple[str, ...] = ("online/**",)

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of feature values of the person."""
        for table in self.export(subject):
            return [Holding(_PART, len(table.rows), _TITLE, table.fields[0].purposes, _SOURCE, _KEPT)]
        return []

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield the values of all features of the person."""
        if not self._exists() or not subject.customer_ids:
            return
        catalog = read_catalog(self.installation)
        with closing(self._open()) as store:
            stored = [row for row in store.read(subject.customer_ids) if row is not None]
        rows = tuple(value for row in stored for value in _values(row))
        if rows:
            purposes = _purposes(catalog, stored)
            fields = (ExportedField(n, title, purposes, _SOURCE, _KEPT, kind) for n, (title, kind) in _FIELDS.items())
            yield ExportedTable(_PART, _TITLE, tuple(fields), rows)

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: the next run computes the values from the corrected source."""
        return Outcome.not_applicable("The next run computes the features from the corrected source.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: each retrieval asks the consent record."""
        return Outcome.not_applicable("Each retrieval asks the consent record, which holds the restriction.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete the persons' values and rewrite the files, so that no byte of them is left."""
        if not self._exists():
            return Outcome.not_applicable("This installation has no online store.")
        customers = _customers(subjects)
        with closing(self._open()) as store:
            deleted = store.delete(customers)
            # Also when nothing was deleted now: an execution before a kill may have deleted without compacting.
            store.compact()
        return Outcome.done({"customers_deleted": deleted})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Read the persons' keys, and decode the files of an embedded store."""
        if not self._exists():
            return Verification()
        with closing(self._open()) as store:
            found = sum(row is not None for row in store.read(_customers(subjects)))
            generation = store.generation
        residues = (f"online store: values of {found} customer ids of the person",) if found else ()
        if self.installation.settings.online_redis_file is not None:
            # A server has no files here; its answer is what can be looked at.
            return Verification((CheckedPart("online store of the server", generation, ""),), residues)
        settings = self.installation.settings
        files = verify_files(subjects, files_of(settings, self.paths), settings.data_dir)
        return Verification(files.checked, (*residues, *files.residues), files.unverifiable)

    def _exists(self) -> bool:
        settings = self.installation.settings
        return settings.online_redis_file is not None or settings.online_dir.exists()

    def _open(self) -> OnlineStore:
        return open_online_store(self.installation, verify=False)


def subject_stores(installation: Installation) -> tuple[SubjectStore, ...]:
    """Return the stores that features own."""
    repository = FileStore(installation.settings, "feature repository", ("feature_repo/**",), REPOSITORY)
    return (OnlineFeatures(installation), repository, ExperimentSubjects(installation), PolicySubjects(installation))


def _values(row: StoredRow) -> Iterator[dict[str, object]]:
    for view, stored in sorted(row.items()):
        for name, value in stored.as_dict().items():
            yield {"feature": f"{view}.{name}", "value": value, "valid_from": stored.event_time.replace(tzinfo=None)}


def _purposes(catalog: FeatureCatalog, rows: Sequence[StoredRow]) -> tuple[str, ...]:
    views = {view.removesuffix(PUSHED) for row in rows for view in row}
    known = [catalog.views[view] for view in sorted(views) if view in catalog.views]
    return tuple(sorted({purpose for view in known for feature in view.features for purpose in feature.purposes}))


def _customers(subjects: Sequence[Subject]) -> list[str]:
    return sorted({one for subject in subjects for one in subject.customer_ids})
