"""Keeps the index equal to the content files: reads changed files in parallel, and replaces their documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from agent_serving.search.content_file import content_signatures, read_content
from agent_serving.search.content_queue import ContentQueue, DeadLetter, Job
from agent_serving.search.engine import Change, SearchIndex
from agent_serving.search.errors import ContentError, SearchUnavailable
from privacy.storage.lock import LockBusyError, file_lock

if TYPE_CHECKING:
    from agent_serving.search.vector import Vectors

_THREADS = 4
_BATCH_DOCUMENTS = 20_000
"""Documents of a commit, beyond which another one begins. A file is never divided between two."""


@dataclass(frozen=True)
class UpkeepReport:
    """The result of bringing the index up to date.

    Attributes:
        indexed: files whose documents were replaced.
        removed: deleted files whose documents were removed.
        documents: documents written.
        waiting: files that wait for another attempt.
        dead: files that were given up.
    """

    indexed: int
    removed: int
    documents: int
    waiting: int
    dead: tuple[DeadLetter, ...]


@dataclass(frozen=True)
class IndexUpkeep:
    """Brings an index up to date with a folder. One thread at a time may use an object.

    Of several processes one works at a time: otherwise a slow one could put back what it read before the others.

    Attributes:
        folder: the content folder.
        index: receives the documents.
        queue: remembers which state of each file is indexed.
        lock: file by which processes that share the queue wait for each other.
        vectors: receives the vectors; None without a model.
        clock: seconds since 1970.
    """

    folder: Path
    index: SearchIndex
    queue: ContentQueue
    lock: Path
    vectors: Vectors | None = None
    clock: Callable[[], float] = time.time

    def notice(self) -> int:
        """Queue the files that have changed since they were indexed, and return their number.

        Raises:
            ContentError: there is no content folder. All its documents would be taken for deleted.
        """
        if not self.folder.is_dir():
            raise ContentError(
                f"{self.folder}: the content folder does not exist, so the index stays as it is. Mount or create it."
            )
        indexed = self.index.versions()
        return self.queue.notice(content_signatures(self.folder), indexed, self.clock(), self._incomplete(indexed))

    def run(self, wait_seconds: float = 600.0) -> UpkeepReport:
        """Index every file that has changed and whose turn has come.

        Args:
            wait_seconds: how long to wait for another process that is doing the same.

        Raises:
            ContentError: there is no content folder.
            SearchUnavailable: the index cannot be written, the model of vectors cannot be asked, or another process
                is still working. The files stay in the queue.
        """
        try:
            with file_lock(self.lock, wait_seconds=wait_seconds):
                return self._run()
        except LockBusyError as error:
            raise SearchUnavailable(f"{self.folder}: another process is indexing it. Try again later.") from error

    def _run(self) -> UpkeepReport:
        self.notice()
        indexed = removed = documents = 0
        for batch in self._batches(self.queue.due(self.clock())):
            changes = [change for _, change in batch if change is not None]
            if self.vectors is not None:
                self.vectors.write(changes)
            self.index.write(changes)
            self.queue.finish(job for job, _ in batch)
            indexed += sum(change.version is not None for change in changes)
            removed += sum(change.version is None for change in changes)
            documents += sum(len(change.documents) for change in changes)
        return UpkeepReport(indexed, removed, documents, self.queue.waiting(), tuple(self.queue.dead_letters()))

    def _batches(self, jobs: Iterable[Job]) -> Iterator[list[tuple[Job, Change | None]]]:
        """Yield files with their changes; None for a file whose content is indexed already."""
        batch: list[tuple[Job, Change | None]] = []
        size, versions = 0, dict(self.index.versions())
        for source in self._incomplete(versions):
            del versions[source]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="content") as pool:
            read = pool.map(lambda job: (job, self._read(job, versions.get(job.source))), jobs)
            for job, change in read:
                if isinstance(change, ContentError):
                    self.queue.fail(job, str(change), self.clock())
                    continue
                batch.append((job, change))
                size += 0 if change is None else len(change.documents)
                if size >= _BATCH_DOCUMENTS:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch

    def _incomplete(self, indexed: Iterable[str]) -> list[str]:
        return [] if self.vectors is None else [source for source in indexed if not self.vectors.has(source)]

    def _read(self, job: Job, version: str | None) -> Change | ContentError | None:
        if job.signature is None:
            return Change(job.source, None)
        try:
            content = (self.folder / job.source).read_bytes()
            digest = sha256(content).hexdigest()
            if digest == version:
                return None
            return Change(job.source, digest, read_content(content, job.source))
        except FileNotFoundError:
            return ContentError(f"{job.source}: the file was deleted before it was read.")
        except OSError as error:
            return ContentError(f"{job.source}: cannot be read: {error.strerror}. Check its permissions.")
        except ContentError as error:
            return error
