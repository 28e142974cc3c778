"""The engines side by side: the same documents, the same queries, one branch. Each finds ids of documents.

`words` are what Bojagi indexes (`agent_serving.search.text_form`). FTS5 has them too, to compare engines and not
analysers; then the same engine with its own trigrams and with the morphemes of Kiwi, to compare analysers.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from agent_serving.search.document import Document
from agent_serving.search.engine import Change
from agent_serving.search.index_field import attempts, fields_of
from agent_serving.search.tantivy_engine import TantivyIndex
from bench.peer_environment import python_with
from bench.search.corpus import BRANCH

LIMIT = 5
_TERMS = ("title_word", "key_word", "text_word", "title_pair", "key_pair", "text_pair", "title_joined", "key_joined")


class Engine(Protocol):
    """An engine under measurement."""

    name: str

    def build(self, documents: Sequence[Document]) -> None:
        """Index the documents."""

    def find(self, query: str) -> list[str]:
        """Return the titles of the first results in one branch."""


class Tantivy:
    """Bojagi's embedded engine."""

    name = "tantivy, words and letter pairs"

    def __init__(self, folder: Path) -> None:
        self._index = TantivyIndex(folder / "tantivy")

    def build(self, documents: Sequence[Document]) -> None:
        """Index the documents in one commit."""
        self._index.write([Change("bench", "1", documents)])

    def find(self, query: str) -> list[str]:
        """Search one branch."""
        return [document.title for document in self._index.search(query, branch=BRANCH, limit=LIMIT)]


class _Fts5:
    """SQLite's full-text search over columns of text."""

    name = ""
    columns: tuple[str, ...] = ("text",)
    tokenizer = "unicode61"

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / f"{type(self).__name__}.db")
        names = ", ".join((*self.columns, "body UNINDEXED", "branch UNINDEXED"))
        self._db.execute(f"CREATE VIRTUAL TABLE found USING fts5({names}, tokenize='{self.tokenizer}')")

    def build(self, documents: Sequence[Document]) -> None:
        """Index the documents in one transaction."""
        marks = ", ".join("?" * (len(self.columns) + 2))
        with self._db:
            for batch in _batches(documents):
                rows = zip(self.texts(batch), batch, strict=True)
                self._db.executemany(
                    f"INSERT INTO found VALUES ({marks})",
                    ((*texts, json.dumps({"title": one.title}), one.branch) for texts, one in rows),
                )

    def texts(self, documents: Sequence[Document]) -> Iterable[tuple[str, ...]]:
        """Return the columns of each document."""
        raise NotImplementedError

    def select(self, match: str) -> list[str]:
        """Return the titles of the best matches of an expression of FTS5."""
        weights = ", ".join("1.0" for _ in self.columns)
        rows = self._db.execute(
            "SELECT body FROM found WHERE found MATCH ? AND branch IN (?, '*') "
            f"ORDER BY bm25(found, {weights}) LIMIT ?",
            (match, BRANCH, LIMIT),
        )
        return [json.loads(body)["title"] for (body,) in rows]


class FtsWords(_Fts5):
    """FTS5 with Bojagi's words and letter pairs."""

    name = "SQLite FTS5, words and letter pairs"
    columns = _TERMS
    tokenizer = "unicode61 categories ''L* N* Co So Sm''"

    def texts(self, documents: Sequence[Document]) -> Iterable[tuple[str, ...]]:
        """Return the terms of each field."""
        for document in documents:
            fields = fields_of("bench", document)
            yield tuple(fields.get(name, "") for name in _TERMS)

    def find(self, query: str) -> list[str]:
        """Search for every word of the query, and without a result for any."""
        attempt = next(attempts(query))
        words = [
            " OR ".join(f'{match.field} : "{" ".join(match.terms)}"' for match in word.matches)
            for word in attempt.words
        ]
        for joint in (" AND ", " OR "):
            if words and (found := self.select(joint.join(f"({word})" for word in words))):
                return found
        return []


class FtsTrigrams(_Fts5):
    """FTS5 with its trigram tokenizer, which finds any three letters; shorter words by LIKE."""

    name = "SQLite FTS5, trigrams"
    tokenizer = "trigram"

    def texts(self, documents: Sequence[Document]) -> Iterable[tuple[str, ...]]:
        """Return title, keywords and text."""
        return ((_text(document),) for document in documents)

    def find(self, query: str) -> list[str]:
        """Search for every word of the query; words under three letters cannot use the index."""
        words = re.findall(r"\w+", query)
        long = [word for word in words if len(word) > 2]
        match = " AND ".join(f'"{word}"' for word in long)
        likes = [f"%{word}%" for word in words if len(word) <= 2]
        where = " AND ".join([*(["found MATCH ?"] if match else []), *["text LIKE ?"] * len(likes)]) or "0"
        rows = self._db.execute(
            f"SELECT body FROM found WHERE {where} AND branch IN (?, '*') LIMIT ?",
            (*([match] if match else []), *likes, BRANCH, LIMIT),
        )
        return [json.loads(body)["title"] for (body,) in rows]


class FtsMorphemes(_Fts5):
    """FTS5 with the morphemes that Kiwi finds."""

    name = "SQLite FTS5, Kiwi's morphemes"

    def __init__(self, folder: Path) -> None:
        from kiwipiepy import Kiwi

        super().__init__(folder)
        self._kiwi = Kiwi(num_workers=2)

    def texts(self, documents: Sequence[Document]) -> Iterable[tuple[str, ...]]:
        """Return the morphemes that carry meaning."""
        found = self._kiwi.tokenize([_text(document) for document in documents])
        return ((" ".join(_meaning(tokens)),) for tokens in found)

    def find(self, query: str) -> list[str]:
        """Search for every morpheme of the query, and without a result for any."""
        words = [f'"{word}"' for word in _meaning(self._kiwi.tokenize(query))]
        for joint in (" AND ", " OR "):
            if words and (found := self.select(joint.join(words))):
                return found
        return []


class LanceDb:
    """LanceDB's full-text index of letter pairs and triples, in an environment of its own (it is 300 MB large)."""

    name = "LanceDB, n-grams of two and three letters"

    def __init__(self, folder: Path, home: Path) -> None:
        python = python_with(home, ("lancedb==0.25.3", "pyarrow"))
        script = Path(__file__).with_name("lance_peer.py")
        command = [str(python), str(script), str(folder / "lance"), BRANCH, str(LIMIT)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def build(self, documents: Sequence[Document]) -> None:
        """Index the documents."""
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            for one in documents:
                file.write(json.dumps({"title": one.title, "text": _text(one), "branch": one.branch}) + "\n")
            file.flush()
            self._ask(file.name)

    def find(self, query: str) -> list[str]:
        """Search one branch."""
        return self._ask(query)

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(30)

    def _ask(self, line: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        found: list[str] = json.loads(self._process.stdout.readline())
        return found


ENGINES: tuple[Callable[[Path], Engine], ...] = (Tantivy, FtsWords, FtsTrigrams, FtsMorphemes)


def _text(document: Document) -> str:
    return "\n".join((document.title, " ".join(document.keywords), document.text))


def _meaning(tokens: Iterable[object]) -> Iterator[str]:
    """Yield nouns, roots, verbs and foreign words."""
    for token in tokens:
        if str(token.tag)[:2] in {"NN", "NR", "XR", "VV", "VA", "SL", "SN"}:  # type: ignore[attr-defined]
            yield str(token.form).lower()  # type: ignore[attr-defined]


def _batches(documents: Sequence[Document], size: int = 5000) -> Iterator[Sequence[Document]]:
    for start in range(0, len(documents), size):
        yield documents[start : start + size]
