"""The files of a declared model: the run that is not finished, the finished model, its evaluation.

DATA/federated/<model>/unfinished.zip     checkpoint of a run that has not ended, replaced after each round
DATA/federated/<model>/model.zip          the newest finished model: plan, state and history; arrays and JSON, no pickle
DATA/federated/<model>/report.json, .html its evaluation
DATA/federated/<model>/participant.bin    see `participant`
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from federated.checkpoint import Checkpoint, read_checkpoint
from federated.errors import CheckpointRefused
from installation.installation import Installation
from installation.shared_file import SharedFiles
from pipelines.errors import RunLockError, TrainingError
from pipelines.federated.participant import FOLDER
from privacy.storage.atomic_file import create_private_folder
from privacy.storage.lock import LockBusyError, file_lock


@dataclass(frozen=True)
class RunFolder:
    """The files of one declared model. With a database, `shared` brings them to and from the other machines."""

    path: Path
    shared: SharedFiles

    @classmethod
    def of(cls, installation: Installation, model: str) -> RunFolder:
        """Return the folder of a model in an installation, as the machine left it that changed it last."""
        folder = cls(installation.settings.data_dir / FOLDER / model, installation.shared_files)
        folder.fetch()
        return folder

    @property
    def unfinished(self) -> Path:
        """The checkpoint of a run that has not ended."""
        return self.path / "unfinished.zip"

    @property
    def model(self) -> Path:
        """The newest finished model."""
        return self.path / "model.zip"

    @property
    def report(self) -> Path:
        """The evaluation of the model as JSON; the page is beside it."""
        return self.path / "report.json"

    @contextmanager
    def locked(self, wait_seconds: float = 0) -> Iterator[None]:
        """Hold the folder for one run. `wait_seconds`: how long to wait for another run.

        Raises:
            RunLockError: another run works in it.
        """
        create_private_folder(self.path)
        try:
            with (
                file_lock(self.path / "run.lock", wait_seconds=wait_seconds),
                self.shared.locked(self.path, wait_seconds),
            ):
                self.shared.fetch(self.path, removes=True)
                yield
        except LockBusyError as error:
            raise RunLockError(f"Another run trains {self.path.name}. Wait until it ends, then try again.") from error

    def fetch(self) -> None:
        """Make the files those of the database: another machine may have trained the model, or removed it."""
        if self.shared.server is None:
            return
        create_private_folder(self.path)
        with suppress(LockBusyError), file_lock(self.path / "run.lock"):  # a run here is about to publish newer ones
            self.shared.fetch(self.path, removes=True)

    def publish(self) -> None:
        """Give the files to the other machines."""
        self.shared.publish(self.path, removes=True)

    def finish(self) -> None:
        """Make the unfinished run's checkpoint the model, and remove the evaluation of the model before."""
        self.unfinished.replace(self.model)
        self.forget_report()

    def forget_report(self) -> None:
        """Remove the evaluation."""
        for path in (self.report, self.report.with_suffix(".html")):
            path.unlink(missing_ok=True)
        self.publish()

    def forget(self) -> int:
        """Remove the model, the unfinished run and the evaluation; return how many files there were."""
        paths = (self.model, self.unfinished, self.report, self.report.with_suffix(".html"))
        found = [path for path in paths if path.exists()]
        for path in found:
            path.unlink()
        self.publish()
        return len(found)


def read_run(path: Path) -> Checkpoint:
    """Return the checkpoint or model in a file.

    Raises:
        TrainingError: the file is missing, damaged or altered.
    """
    if not path.exists():
        raise TrainingError(
            f"{path}: there is no such file. Train the model first: bojagi federated run {path.parent.name}."
        )
    try:
        return read_checkpoint(path)
    except CheckpointRefused as error:
        raise TrainingError(str(error)) from error
