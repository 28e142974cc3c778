"""The stores of all packages in one place, in the order in which they erase, and the execution over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from agent_serving import subject_store as serving_stores
from features import rights as feature_stores
from features.destination.subject_store import DestinationNotices
from features.insight.score.decision import ScoreExplainer
from installation.backup.creation import make_backup
from installation.installation import Installation
from installation.machine import confirm_erasure
from installation.rights import store as installation_store
from installation.rights.access_answer import AnswerSources
from installation.rights.file_store import FileStore
from pipelines.erasure.backup_store import BackupStore
from pipelines.erasure.lakehouse_store import LakehouseStore
from pipelines.erasure.landing_store import LandingStore
from pipelines.erasure.subject_lookup import find_subject
from pipelines.erasure.truth_store import TruthStore
from pipelines.federated.subject_store import TrainedModels
from pipelines.orchestration.run_history import RunHistory
from pipelines.rights.certification import Certification
from pipelines.rights.execution import CaseTools, Execution
from pipelines.rights.other_file import OtherFiles
from pipelines.rights.rectification import Corrections
from pipelines.rights.request_records import RequestRecords
from pipelines.rights.signing import open_signer
from privacy.rights.answer.archive import pack
from privacy.rights.explanation import DecisionExplainer
from privacy.rights.request import Request, Right, State
from privacy.rights.subject import Subject
from privacy.rights.subject_store import ExportedTable, Holding, SubjectStore

FOLDER = "rights"
_QUALITY = "Results of checks and their reports have numbers, and values of columns without personal data only."
WHO = "bojagi rights"
"""Name of the execution in the audit log."""


def subject_stores(installation: Installation) -> tuple[SubjectStore, ...]:
    """Return every store that may hold personal data, in the order in which they erase.

    The last one has the files that belong to no other.
    """
    stores: tuple[SubjectStore, ...] = (
        DestinationNotices(installation),
        LakehouseStore(installation),
        LandingStore(installation),
        TruthStore(installation),
        Corrections(installation),
        *installation_store.subject_stores(installation),
        *feature_stores.subject_stores(installation),
        TrainedModels(installation),
        *serving_stores.subject_stores(installation),
        RunHistory(installation.settings, installation.server),
        BackupStore(installation),
        FileStore(installation.settings, "quality reports", ("quality/**",), _QUALITY, is_derived=True),
        RequestRecords(installation.rights_service(), installation.settings.data_dir / FOLDER),
    )
    return (*stores, OtherFiles.beside(installation.settings, stores))


def explainers(installation: Installation) -> tuple[DecisionExplainer, ...]:
    """Return what explains the automated decisions of all packages."""
    return (*installation_store.explainers(installation, WHO), ScoreExplainer(installation, WHO))


def find_person(installation: Installation, customer: str, reference: str) -> Subject:
    """Return the person of a customer id under a reference.

    Raises:
        UnknownPersonError: no table knows the id.
    """
    return find_subject(installation, customer, WHO, reference)


def open_execution(installation: Installation) -> Execution:
    """Return the execution of the installation's requests. Run it while holding the run lock."""
    service, stores = installation.rights_service(), subject_stores(installation)

    def find(customer: str, reference: str) -> Subject:
        return find_person(installation, customer, reference)

    def suppress(subjects: Sequence[Subject]) -> None:
        LakehouseStore(installation).suppress(subjects)

    def write_answer(request: Request, subject: Subject, tables: Mapping[str, tuple[ExportedTable, ...]]) -> bytes:
        return answer_archive(installation, stores, request, subject, tables)

    folder = installation.settings.data_dir / FOLDER / "certificate"
    controller, signer = installation.settings.controller, open_signer(installation)
    publish = installation.shared_files.publish
    certification = Certification(service, signer, controller, folder, installation.clock, publish)
    confirm = partial(confirm_erasure, installation.settings, installation.server)
    return Execution(service, CaseTools(stores, find, suppress, write_answer, confirm), certification)


def carry_out_requests(installation: Installation, only: Iterable[str] | None = None) -> list[Request]:
    """Execute approved requests, see `Execution.run`, while holding the run lock.

    An erasure that is complete has destroyed the look-up of its person, so the backups are brought up to date again.

    Raises:
        BackupError: the requests are as returned by `bojagi rights list`, and a place of backups cannot be written.
    """
    done = open_execution(installation).run(only)
    is_erased = any(one.right is Right.ERASURE and one.state is State.COMPLETED for one in done)
    if is_erased and installation.settings.backup is not None:
        make_backup(installation, has_tables=False)
    return done


def answer_archive(
    installation: Installation,
    stores: Sequence[SubjectStore],
    request: Request,
    subject: Subject,
    tables: Mapping[str, tuple[ExportedTable, ...]],
) -> bytes:
    """Return the archive that answers a request for access, portability or explanation.

    Args:
        installation: names the controller.
        stores: all stores.
        request: the request that is answered.
        subject: the person.
        tables: what each store exported.
    """
    read = [cast("SubjectStore", _ReadStore(store, tables[store.name])) for store in stores]
    sources = AnswerSources(installation, read, explainers(installation), WHO)
    answer = sources.answer(subject, request.id, request.jurisdiction)
    if request.right is Right.PORTABILITY:
        answer = answer.portable()
    if request.right is Right.EXPLANATION:
        answer = answer.explanation(sources.decisions(subject, request.decision))
    return pack(answer)


@dataclass(frozen=True)
class _ReadStore:
    """A store whose export was read already, so that an answer does not read it a second time."""

    store: SubjectStore
    tables: tuple[ExportedTable, ...]

    @property
    def name(self) -> str:
        return self.store.name

    def find(self, subject: Subject) -> Sequence[Holding]:
        return self.store.find(subject)

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        return iter(self.tables)
