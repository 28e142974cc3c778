"""Notes whose rows were used for a model, as keyed hashes: an erasure finds the models that a person took part in.

DATA/federated/<model>/participant.bin        one keyed hash of 16 bytes a customer, sorted: of every stored run
DATA/federated/<model>/participant_new.bin    the same of the run that has not ended; it replaces the other at the end
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from installation.installation import Installation
from privacy.storage.atomic_file import create_private_folder, replace_public
from privacy.storage.lock import file_lock

FOLDER = "federated"
_FILE = "participant.bin"
_NEW = "participant_new.bin"
_HASH = np.dtype("V16")


class Participants:
    """The participants of the models of one installation. The hashes are keyed, so the file alone names nobody."""

    def __init__(self, installation: Installation) -> None:
        self._folder = installation.settings.data_dir / FOLDER
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
        path = self._path(model).with_name(_NEW)
        create_private_folder(path.parent)
        replace_public(path, b"", is_durable=True)

    def finish_run(self, model: str) -> None:
        """Forget who took part in earlier runs alone, because the model of the new run has replaced theirs."""
        with file_lock(self._path(model).parent / "participant.lock"):
            new = self._path(model).with_name(_NEW)
            if new.exists():
                new.replace(self._path(model))

    def count(self, model: str) -> int:
        """Return the number of participants of a model."""
        return len(self._read(model))

    def has_new(self, model: str) -> bool:
        """Return whether anybody took part in the newest run, which has not ended."""
        return bool(self._read(model, _NEW))

    def _hash(self, customer: str) -> bytes:
        return hmac.digest(self._key, f"federated participant|{customer}".encode(), "sha256")[:16]

    def _path(self, model: str) -> Path:
        return self._folder / model / _FILE

    def _read(self, model: str, name: str = _FILE) -> set[bytes]:
        path = self._path(model).with_name(name)
        if not path.exists():
            return set()
        stored: NDArray[Any] = np.frombuffer(path.read_bytes(), _HASH)
        return {bytes(one) for one in stored.tolist()}

    def _change(self, model: str, change: Any, name: str = _FILE) -> None:
        path = self._path(model).with_name(name)
        create_private_folder(path.parent)
        with file_lock(path.parent / "participant.lock"):
            if name == _FILE or path.exists():
                replace_public(path, b"".join(sorted(change(self._read(model, name)))), is_durable=True)
