"""Vectors of the documents, one file a source, and the search for the nearest ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np

from agent_serving.search.document import Document
from agent_serving.search.encoder import Encoder, Matrix
from agent_serving.search.engine import Change
from privacy.storage.atomic_file import create_private_folder, replace_public

_BATCH, _THREADS = 64, 4


class Vectors:
    """The vectors of one model in a folder. Safe to use from several threads.

    A source's vectors are replaced by one rename. Which documents are visible is decided by the index of words: a
    vector without a visible document is ignored. So vectors are written before the documents.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        """Use the folder of the encoder's model below `folder`."""
        self.encoder = encoder
        self._folder = folder / sha256(encoder.name.encode()).hexdigest()[:16]
        create_private_folder(self._folder)
        self._lock = threading.Lock()
        self._parts: dict[str, tuple[int, list[str], Matrix]] = {}
        self._seen: int | None = None
        self._ids: list[str] = []
        self._rows: Matrix = np.zeros((0, 1), dtype=np.float32)

    def write(self, changes: Sequence[Change]) -> None:
        """Write the vectors of each source, and delete those of removed sources.

        Raises:
            SearchUnavailable: the model cannot be asked now.
        """
        for change in changes:
            path = self._path(change.source)
            if change.version is None:
                path.unlink(missing_ok=True)
                continue
            texts = [text_of(document) for document in change.documents]
            batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="encode") as pool:
                parts = list(pool.map(self.encoder.encode, batches))
            stream = BytesIO()
            ids = np.array([document.id for document in change.documents], dtype=np.str_)
            np.savez(stream, ids=ids, rows=np.concatenate(parts) if parts else np.zeros((0, 1), dtype=np.float32))
            replace_public(path, stream.getvalue())

    def has(self, source: str) -> bool:
        """Return whether the vectors of a source have been written."""
        return self._path(source).exists()

    def nearest(self, query: str, limit: int, least_similarity: float) -> list[str]:
        """Return the ids of the documents nearest to a query, the nearest first; similarity is the cosine."""
        ids, rows = self._loaded()
        if not ids:
            return []
        similarity = rows @ self.encoder.encode([query])[0]
        order = np.argsort(-similarity, kind="stable")[:limit]
        return [ids[place] for place in order.tolist() if similarity[place] >= least_similarity]

    def _path(self, source: str) -> Path:
        return self._folder / f"{sha256(source.encode()).hexdigest()}.npz"

    def _loaded(self) -> tuple[list[str], Matrix]:
        with self._lock:
            newest = self._folder.stat().st_mtime_ns
            if newest != self._seen:
                self._load()
                self._seen = newest
            return self._ids, self._rows

    def _load(self) -> None:
        parts: dict[str, tuple[int, list[str], Matrix]] = {}
        for path in sorted(self._folder.glob("*.npz")):
            changed = path.stat().st_mtime_ns
            known = self._parts.get(path.name)
            if known is None or known[0] != changed:
                with np.load(path) as stored:
                    known = changed, stored["ids"].tolist(), stored["rows"]
            parts[path.name] = known
        self._parts = parts
        self._ids = [one for _, ids, _ in parts.values() for one in ids]
        filled = [rows for _, ids, rows in parts.values() if ids]
        if filled:
            self._rows = np.concatenate(filled)


def text_of(document: Document) -> str:
    """Return the text whose vector stands for a document."""
    return "\n".join(part for part in (document.title, document.text, " ".join(document.keywords)) if part)
