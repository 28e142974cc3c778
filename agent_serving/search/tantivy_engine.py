"""The embedded search engine: an index of tantivy in a folder, with many readers and one writer at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import NO_FILTERS, Change, Filters
from agent_serving.search.errors import SearchUnavailable
from agent_serving.search.index_field import (
    BODY,
    EXACT,
    JOINED,
    NUMBERS,
    PAIRS,
    WORDS,
    Between,
    Condition,
    Match,
    Word,
    attempts,
    conditions,
    document_of,
    fields_of,
    is_encodable,
)
from privacy.storage.atomic_file import create_private_folder
from privacy.storage.lock import LockBusyError, file_lock

if TYPE_CHECKING:
    import tantivy

FORMAT: Final = "2"
"""Folder of this layout of fields. Increase it when the fields or the terms change, so that a new index is built."""

_WRITER_MEMORY = 64_000_000
_LOCK_SECONDS = 60
# A document of its own for each source keeps the version.
_SOURCE_KIND = "_source"
_MOST_LISTED = 1000


class TantivyIndex:
    """An index in a folder; see `SearchIndex`. Opening it creates it.

    A `write` is one commit: it deletes the former documents and adds the new ones, and tantivy replaces its list of
    segments by one rename. Readers, also those of other processes, load the list again when it has changed.
    """

    def __init__(self, folder: Path) -> None:
        """Open the index below `folder`.

        Raises:
            SearchUnavailable: tantivy is not installed, or the folder cannot be used.
        """
        try:
            import tantivy
        except ImportError as error:
            raise SearchUnavailable(
                "Search needs the package tantivy, which is not installed. Run: pip install tantivy."
            ) from error
        self._tantivy, self._query = tantivy, tantivy.Query
        self._folder, self._lock_file = folder / FORMAT, folder / "index.lock"
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._schema = _schema(tantivy)
        with self._faults("opened"):
            create_private_folder(self._folder)
            with file_lock(self._lock_file, wait_seconds=_LOCK_SECONDS):
                self._index = tantivy.Index(self._schema, path=str(self._folder))
            terms = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
            self._index.register_tokenizer("terms", terms)
            self._index.config_reader("manual")

    def search(
        self,
        query: str,
        kinds: Sequence[Kind] = (),
        branch: str | None = None,
        limit: int = 10,
        filters: Filters = NO_FILTERS,
    ) -> list[Document]:
        """Return the best documents of the first attempt that finds any; see `attempts`."""
        searcher = self._searcher()
        required = [self._condition(condition) for condition in conditions(kinds, branch, filters)]
        required.append(self._without(self._terms("kind", (_SOURCE_KIND,))))
        if limit < 1:
            return []
        if not query.strip():
            found = self._found(searcher, required, max(limit, _MOST_LISTED))
            return sorted(found, key=lambda document: document.id)[:limit]
        for attempt in attempts(query):
            wanted = self._least(attempt.least, [self._word(word, attempt.is_loose) for word in attempt.words])
            if found := self._found(searcher, [wanted, *required], limit):
                return found
        return []

    def get(self, ids: Sequence[str]) -> list[Document]:
        """Return the documents with these ids, in this order."""
        ids = [one for one in ids if is_encodable(one)]
        found = {one.id: one for one in self._found(self._searcher(), [self._terms("id", ids)], max(len(ids), 1))}
        return [found[one] for one in ids if one in found]

    def versions(self) -> Mapping[str, str]:
        """Return the visible version of each source."""
        searcher = self._searcher()
        hits = searcher.search(self._terms("kind", (_SOURCE_KIND,)), max(searcher.num_docs, 1), count=False).hits
        rows = (json.loads(_body(searcher.doc(address))) for _, address in hits)
        return {row["source"]: row["version"] for row in rows}

    def write(self, changes: Sequence[Change]) -> None:
        """Replace the documents of each source, in one commit."""
        if changes:
            with self._faults("written"), file_lock(self._lock_file, wait_seconds=_LOCK_SECONDS):
                self._write(changes)

    def close(self) -> None:
        """Do nothing: the files are mapped into memory, and are released with the object."""

    def _write(self, changes: Sequence[Change]) -> None:
        writer = self._index.writer(_WRITER_MEMORY, num_threads=1)
        try:
            # A writer that was killed left files whose names the next commit would use, and would fail for.
            writer.garbage_collect_files()
            for change in changes:
                writer.delete_documents_by_term("source", change.source)
                for document in change.documents:
                    self._add(writer, fields_of(change.source, document))
                if change.version is not None:
                    body = json.dumps({"source": change.source, "version": change.version})
                    self._add(writer, {"kind": _SOURCE_KIND, "source": change.source, BODY: body})
            writer.commit()
        except BaseException:
            writer.rollback()
            raise
        finally:
            writer.wait_merging_threads()

    def _add(self, writer: tantivy.IndexWriter, fields: dict[str, Any]) -> None:
        row = fields | {BODY: fields[BODY].encode()}
        writer.add_document(self._tantivy.Document.from_dict(row, self._schema))

    def _found(self, searcher: tantivy.Searcher, required: list[tantivy.Query], limit: int) -> list[Document]:
        every = self._query.boolean_query([(self._tantivy.Occur.Must, part) for part in required])
        hits = searcher.search(every, limit, count=False).hits
        return [document_of(_body(searcher.doc(address))) for _, address in hits]

    def _word(self, word: Word, is_loose: bool) -> tantivy.Query:
        parts = [self._match(match) for match in word.matches]
        if is_loose:
            parts += [self._least(one.least, [self._match(pair) for pair in one.pairs]) for one in word.loose]
        return self._query.disjunction_max_query(parts, 0.1)

    def _least(self, least: int, parts: Sequence[tantivy.Query]) -> tantivy.Query:
        """Return the query that is met by at least so many of its parts."""
        should = self._tantivy.Occur.Should
        return self._query.boolean_query([(should, part) for part in parts], minimum_number_should_match=least)

    def _match(self, match: Match) -> tantivy.Query:
        if len(match.terms) > 1:
            found = self._query.phrase_query(self._schema, match.field, list(match.terms))
        else:
            found = self._query.term_query(self._schema, match.field, match.terms[0], index_option="freq")
        return self._query.boost_query(found, match.boost)

    def _condition(self, condition: Condition) -> tantivy.Query:
        """Return a query that does not change the order of the documents."""
        if isinstance(condition, Between):
            kind = self._tantivy.FieldType.Unsigned
            found = self._query.range_query(self._schema, condition.field, kind, condition.least, condition.most)
            return self._query.const_score_query(found, 0.0)
        terms = self._terms(condition.field, condition.values)
        return self._without(terms) if condition.is_negated else terms

    def _terms(self, field: str, values: Sequence[str]) -> tantivy.Query:
        return self._query.const_score_query(self._query.term_set_query(self._schema, field, list(values)), 0.0)

    def _without(self, query: tantivy.Query) -> tantivy.Query:
        occur = self._tantivy.Occur
        every = self._query.const_score_query(self._query.all_query(), 0.0)
        return self._query.boolean_query([(occur.Must, every), (occur.MustNot, query)])

    def _searcher(self) -> tantivy.Searcher:
        """Return a searcher of the newest commit, also of another process."""
        with self._faults("read"):
            status = (self._folder / "meta.json").stat()
            newest = (status.st_ino, status.st_mtime_ns)
            with self._lock:
                if newest != self._seen:
                    self._index.reload()
                    self._seen = newest
            return self._index.searcher()

    @contextmanager
    def _faults(self, done: str) -> Iterator[None]:
        """Raise `SearchUnavailable` for faults of the folder."""
        try:
            yield
        except LockBusyError as error:
            raise SearchUnavailable(
                f"{self._folder}: another process has written for {_LOCK_SECONDS} s. Try again later."
            ) from error
        except (OSError, ValueError) as error:
            raise SearchUnavailable(f"{self._folder}: the index cannot be {done}: {error}.") from error


def _body(found: tantivy.Document) -> bytes:
    return cast("bytes", found.get_first(BODY))


def _schema(tantivy: Any) -> Any:
    builder = tantivy.SchemaBuilder()
    for name in EXACT:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in WORDS:
        builder.add_text_field(name, tokenizer_name="terms", index_option="freq")
    for name in (*PAIRS, *JOINED):
        builder.add_text_field(name, tokenizer_name="terms", index_option="position")
    for name in NUMBERS:
        builder.add_unsigned_field(name, indexed=True, fast=True)
    builder.add_bytes_field(BODY, stored=True, indexed=False)
    return builder.build()
