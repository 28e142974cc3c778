"""Notes whose rows were used for a model, as keyed hashes: an erasure finds the models that a person took part in.

DATA/federated/<model>/participant.bin        one keyed hash of 16 bytes a customer, sorted: of every stored run
DATA/federated/<model>/participant_new.bin    the same of the run that has not ended; it replaces the other at the end

With a database they are documents of these names, so that an erasure on any machine finds them.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from installation.installation import Installation
from installation.shared_file import PARTICIPANTS, STORE
from privacy.storage.document_store import DatabaseDocuments, FolderDocuments

FOLDER = "federated"
_FILE = "participant.bin"
_NEW = "participant_new.bin"
_HASH = np.dtype("V16")


class Participants:
    """The participants of the models of one installation. The hashes are keyed, so the file alone names nobody."""

    def __init__(self, installation: Installation) -> None:
        self._documents = _documents(installation)
        self._key = installation.pseudonym_key
        self._known: dict[str, set[bytes]] = {}

    def add(self, model: str, customers: Iterable[Any]) -> None:
        """Note customers as participants of a model; the file holds them when this returns."""
        known = self._known.setdefault(model, set())
        new = {str(one) for one in np.unique(np.asarray(customers, dtype=object).astype(str))}
        hashes = {self._hash(one) for one in new} - known
        if not hashes:
            return
        self._change(model, lambda found: found | hashes)
        self._change(model, lambda found: found | hashes, _NEW)
        known |= hashes

    def contains(self, model: str, customers: Iterable[str]) -> bool:
        """Return whether one of the customers took part."""
        found = self._read(model)
        return any(self._hash(one) in found for one in customers)

    def remove(self, model: str, customers: Iterable[str]) -> None:
        """Forget customers of a model."""
        gone = {self._hash(one) for one in customers}
        for name in (_FILE, _NEW):
            self._change(model, lambda found: found - gone, name)

    def begin_run(self, model: str) -> None:
        """Begin to note the participants of a new run. Those of the stored model stay until the run has ended."""
        self._known.pop(model, None)
        with self._documents.alone():
            self._documents.write(f"{model}/{_NEW}", b"")

    def finish_run(self, model: str) -> None:
        """Forget who took part in earlier runs alone, because the model of the new run has replaced theirs."""
        with self._documents.alone():
            if (new := self._documents.read(f"{model}/{_NEW}")) is not None:
                self._documents.write(f"{model}/{_FILE}", new)
                self._documents.delete(f"{model}/{_NEW}")

    def count(self, model: str) -> int:
        """Return the number of participants of a model."""
        return len(self._read(model))

    def has_new(self, model: str) -> bool:
        """Return whether anybody took part in the newest run, which has not ended."""
        return bool(self._read(model, _NEW))

    def _hash(self, customer: str) -> bytes:
        return hmac.digest(self._key, f"federated participant|{customer}".encode(), "sha256")[:16]

    def _read(self, model: str, name: str = _FILE) -> set[bytes]:
        stored: NDArray[Any] = np.frombuffer(self._documents.read(f"{model}/{name}") or b"", _HASH)
        return {bytes(one) for one in stored.tolist()}

    def _change(self, model: str, change: Callable[[set[bytes]], set[bytes]], name: str = _FILE) -> None:
        with self._documents.alone():
            if name == _FILE or self._documents.read(f"{model}/{name}") is not None:
                self._documents.write(f"{model}/{name}", b"".join(sorted(change(self._read(model, name)))))


def models_of(installation: Installation) -> list[str]:
    """Return the models that have participants, in alphabetical order."""
    documents = _documents(installation)
    if isinstance(documents, FolderDocuments):
        return sorted(path.parent.name for path in documents.folder.glob(f"*/{_FILE}"))
    return sorted(name.partition("/")[0] for name in documents.names() if name.endswith(f"/{_FILE}"))


def _documents(installation: Installation) -> FolderDocuments | DatabaseDocuments:
    if installation.server is None:
        return FolderDocuments(installation.settings.data_dir / FOLDER)
    return DatabaseDocuments(installation.server.open(STORE), PARTICIPANTS)
