"""Models that turn texts into vectors. Near vectors stand for texts of near meaning."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from importlib import import_module
from typing import Any, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from agent_serving.search.errors import SearchUnavailable
from agent_serving.search.text_form import terms_of

Matrix = NDArray[np.float32]
_TIMEOUT_SECONDS = 30.0


class Encoder(Protocol):
    """A model of vectors. `name` is part of the stored vectors' folder: vectors of two models cannot be compared."""

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Return a matrix with one row of length one for each text.

        Raises:
            SearchUnavailable: the model cannot be asked now.
        """
        ...


class LetterPairEncoder:
    """Vectors of hashed letter pairs: texts with the same spelling are near. Knows no meaning; for tests and trials."""

    name = "letter-pair-256"
    _SIZE = 256

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Return one row per text."""
        found = np.zeros((len(texts), self._SIZE), dtype=np.float32)
        for row, text in enumerate(texts):
            terms = terms_of([text])
            for term in (*terms.words, *terms.joined):
                number = int.from_bytes(blake2b(term.encode(), digest_size=4).digest(), "big")
                found[row, number % self._SIZE] += 1.0 if number & 0x8000_0000 else -1.0
        return unit_rows(found)


class EndpointEncoder:
    """A model behind an OpenAI-compatible endpoint: `POST <url>/embeddings`."""

    def __init__(self, url: str, model: str, client: httpx.Client | None = None) -> None:
        """Name the endpoint, such as `http://gpu:8000/v1`, and its model."""
        self.name = model
        self._url = f"{url.rstrip('/')}/embeddings"
        self._client = client or httpx.Client(timeout=_TIMEOUT_SECONDS)

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Return one row per text."""
        try:
            answer = self._client.post(self._url, json={"model": self.name, "input": list(texts)})
            answer.raise_for_status()
            rows = sorted(answer.json()["data"], key=lambda row: row["index"])
            found = np.array([row["embedding"] for row in rows], dtype=np.float32)
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise SearchUnavailable(f"{self._url}: the model {self.name} gave no vectors: {error}.") from error
        if found.ndim != 2 or len(found) != len(texts):
            raise SearchUnavailable(f"{self._url}: expected {len(texts)} vectors, got the shape {found.shape}.")
        return unit_rows(found)


class SentenceEncoder:
    """A model of the package sentence-transformers, which is not among Bojagi's dependencies."""

    def __init__(self, model: str) -> None:
        """Load the model.

        Raises:
            SearchUnavailable: the package or the model is missing.
        """
        self.name = model
        try:
            self._model: Any = import_module("sentence_transformers").SentenceTransformer(model)
        except (ImportError, OSError) as error:
            raise SearchUnavailable(
                f"The model {model} needs the package sentence-transformers and its files: {error}. "
                "Install it, or set search.embedding_url."
            ) from error

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Return one row per text."""
        return unit_rows(np.asarray(self._model.encode(list(texts)), dtype=np.float32))


def unit_rows(rows: Matrix) -> Matrix:
    """Return rows divided by their length; a row of zeros stays."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length == 0, 1, length), dtype=np.float32)
