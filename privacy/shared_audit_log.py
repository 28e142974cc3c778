"""The audit log as a process with many threads writes it: appends that wait at the same time share one flush.

    thread A: append ─ commit and flush A ─────────────── return
    thread B:    append ─ waits ─ commit and flush B, C ─ return
    thread C:      append ─ waits ─ (B writes for C) ──── return

Guarantee: an entry is on the disk when its `append` returns, and chain and anchor are those of `AuditLog`. The anchor
covers the entry at once, for every process. Its own flush follows in another thread, so that a use waits for one flush
instead of two. Before the next group returns, the anchor of the group before is on the disk. So a power failure leaves
the anchor behind the log by the entries of one flush, as `privacy.storage.anchor` says, and a killed process by none.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from privacy.audit import AuditEntry, AuditError, AuditLog
from privacy.storage.hash_chain import ChainHead


class _Waiting:
    """An entry that waits to be written, and then its place in the chain or the error."""

    __slots__ = ("entry", "error", "head", "turn")

    def __init__(self, entry: AuditEntry) -> None:
        self.entry = entry
        self.turn = threading.Lock()
        self.turn.acquire()
        self.head: ChainHead | None = None
        self.error: Exception | None = None


class SharedAuditLog:
    """Appends to one log for all threads of a process. Do not use the log elsewhere meanwhile."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._queue: list[_Waiting] = []
        self._lock = threading.Lock()
        self._is_writing = False
        self._flusher = ThreadPoolExecutor(1, thread_name_prefix="audit-anchor")
        self._flush: Future[None] | None = None

    def append(self, entry: AuditEntry) -> ChainHead:
        """Append one entry and return its number and digest. The entry is on the disk when this returns.

        Raises:
            AuditError: the entry could not be written. The use must not happen.
        """
        mine = _Waiting(entry)
        with self._lock:
            self._queue.append(mine)
            waits, self._is_writing = self._is_writing, True
        if waits:
            mine.turn.acquire()
        if mine.head is None and mine.error is None:
            self._write_all()
        if mine.head is None:
            raise AuditError(str(mine.error)) from mine.error
        return mine.head

    def close(self) -> None:
        """Flush the anchor and close the log. No append may be under way."""
        try:
            if self._flush is not None:
                self._flush.result()
        finally:
            self._flusher.shutdown()
            self._log.close()

    def _write_all(self) -> None:
        """Write everything that waits, as the only thread that writes; then let the next thread that waits write."""
        with self._lock:
            group, self._queue = self._queue, []
        error: Exception = AuditError("The thread that wrote the audit log for others was stopped. Try again.")
        heads: list[ChainHead] = []
        try:
            heads = self._append(group)
        except Exception as failed:  # noqa: BLE001 - each waiting thread raises it
            error = failed
        finally:
            with self._lock:
                follower = self._queue[0] if self._queue else None
                self._is_writing = follower is not None
            for place, waiting in enumerate(group):
                waiting.head, waiting.error = (heads[place], None) if heads else (None, error)
                waiting.turn.release()
            if follower is not None:
                follower.turn.release()

    def _append(self, group: list[_Waiting]) -> list[ChainHead]:
        heads = self._log.append_all([waiting.entry for waiting in group], flushes_anchor=False)
        flush, self._flush = self._flush, None
        if flush is not None:
            flush.result()  # raises what went wrong with the anchor of the group before
        self._flush = self._flusher.submit(self._log.flush_anchor)
        return heads
