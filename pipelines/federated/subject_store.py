"""The stored models as a store of personal data: which person took part in which model, and what an erasure does.

A training set is in memory only. A model holds sums over many customers, and no row. Trained with noise, it reveals at
most ρ of a person, so it stays. Trained on exact sums, it may still show a person of a small site, so an erasure
removes it; the next run trains it without the person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from installation.installation import Installation
from installation.rights.file_store import FileStore
from pipelines.errors import RunLockError, TrainingError
from pipelines.federated.participant import FOLDER, Participants, models_of
from pipelines.federated.run_folder import RunFolder, read_run
from privacy.rights.subject import Subject
from privacy.rights.subject_store import Correction, ExportedTable, Holding, Outcome, Verification
from privacy.rights.wording import Wording

_REASON = "A model holds sums over many customers and no row about a person. The next run trains it anew."
_SOURCE = Wording("Computed from sums over many customers", "여러 고객의 합계로 산출")
_KEPT = Wording(
    "Until it is trained again, or one of its customers is erased", "다시 학습하거나 참여 고객이 삭제될 때까지"
)


@dataclass(frozen=True)
class TrainedModels:
    """The trained models of an installation, see `SubjectStore`."""

    installation: Installation
    name: str = "trained models"
    paths: tuple[str, ...] = (f"{FOLDER}/**",)
    wait_seconds: float = 20
    """How long an erasure waits for a run: its next checkpoint would hold sums over the person again."""

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the models in whose training rows of the person were used."""
        return [
            Holding(
                f"{FOLDER}/{model}", 1,
                Wording(
                    f"Model {model}, trained on sums over you and other customers",
                    f"예측 모델 {model} (고객님을 포함한 여러 고객의 합계로 학습)",
                ),
                ("model_training",), _SOURCE, _KEPT,
            )
            for model in self._with([subject])
        ]  # fmt: skip

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing: a model has no row about a person."""
        return iter(())

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing: the next run reads the corrected tables."""
        return Outcome.not_applicable(_REASON)

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: each round of a training asks the consent record."""
        return Outcome.not_applicable("Each round of a training asks the consent record, which holds the restriction.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Remove the models without noise that a person took part in, and the persons from the participants."""
        removed, remaining = 0, []
        for model in self._with(subjects):
            folder = RunFolder.of(self.installation, model)
            try:
                with folder.locked(self.wait_seconds):
                    gone, sentence = self._erase(folder, model, _customers(subjects))
            except RunLockError:
                return Outcome.failed(
                    f"A run trains model {model}. Erase again after it has ended.", {"models_removed": removed}
                )
            removed += gone
            remaining.append(sentence)
        done = Outcome.done({"models_removed": removed})
        return Outcome(done.kind, done.reason, done.counts, done.retained, tuple(remaining))

    def _erase(self, folder: RunFolder, model: str, customers: Sequence[str]) -> tuple[bool, str]:
        """Erase persons from one model; return whether files were removed, and a sentence about what remains."""
        has_noise = self._has_noise(folder)
        is_removed = not has_noise and bool(folder.forget())
        Participants(self.installation).remove(model, customers)
        if has_noise:
            return False, (
                f"Model {model} stays: it was trained with differential privacy, so it hardly depends on a person."
            )
        return is_removed, (
            f"Sums over the customers of a site, with the person, went to the server of model {model}. They cannot be "
            "recalled."
        )

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Decode every file and look for the persons, also among the keyed hashes of the participants."""
        files = FileStore(self.installation.settings, self.name, self.paths, _REASON).verify(subjects)
        left = tuple(f"{FOLDER}/{model}: the person is among the participants" for model in self._with(subjects))
        return Verification(files.checked, (*files.residues, *left), files.unverifiable)

    def _with(self, subjects: Sequence[Subject]) -> list[str]:
        """Return the models in which one of the persons took part."""
        if not (models := models_of(self.installation)):
            return []
        participants, customers = Participants(self.installation), _customers(subjects)
        return [model for model in models if participants.contains(model, customers)]

    @staticmethod
    def _has_noise(folder: RunFolder) -> bool:
        """Return whether every stored run of the model was trained with noise."""
        found = [path for path in (folder.model, folder.unfinished) if path.exists()]
        try:
            return bool(found) and all(read_run(path).plan.privacy is not None for path in found)
        except TrainingError:  # a damaged file is of no use to anybody
            return False


def _customers(subjects: Sequence[Subject]) -> list[str]:
    return sorted({one for subject in subjects for one in subject.customer_ids})
