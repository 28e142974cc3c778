"""Writes lines durably in groups: the lines that arrive while one group is flushed are the next group.

    append(a) → group 1 is flushed;  append(b), append(c) meanwhile → group 2 = b, c: one flush for both

Guarantee: a line whose future has a result is in a segment on the disk, whole and exactly once. A line whose future
has an error, or none because the process was killed, may be there or not; its sender sends it again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from installation.collector.errors import LogBusy, LogFailed
from installation.collector.segment import Segment
from installation.disk_fault import is_disk_full

SEAL_SECONDS = 2.0
"""Age at which a segment is sealed: events must be in bronze within ten seconds."""
SEAL_BYTES = 16 << 20
MOST_WAITING_BYTES = 16 << 20
"""Lines that may wait in memory for the disk; more are refused."""
_BUSY_SECONDS = 1


class AppendLog:
    """The log of one source in one process. Threads may share it."""

    def __init__(self, folder: Path, seal_seconds: float = SEAL_SECONDS) -> None:
        """Start the thread that writes to segments in the folder; it makes the folder when lines come."""
        self.folder = folder
        self._seal_seconds = seal_seconds
        self._state = threading.Condition()
        self._waiting: list[tuple[bytes, Future[None]]] = []
        self._waiting_bytes = 0
        self._is_closed = False
        self._segment: Segment | None = None
        self._writer = threading.Thread(target=self._write, name="append-log", daemon=True)
        self._writer.start()

    def append(self, lines: Sequence[bytes]) -> Future[None]:
        """Add lines without line ends. The future has a result when they are on the disk.

        Raises:
            LogBusy: too many lines wait, or the log is closed.

        The future raises `LogFailed` if the lines could not be written.
        """
        data = b"".join(line + b"\n" for line in lines)
        written: Future[None] = Future()
        # A sender that goes away cannot cancel what others share: the writer sets the result in any case.
        written.set_running_or_notify_cancel()
        with self._state:
            if self._is_closed or self._waiting_bytes + len(data) > MOST_WAITING_BYTES:
                raise LogBusy("Too many events wait to be written. Send them again later.", _BUSY_SECONDS)
            self._waiting.append((data, written))
            self._waiting_bytes += len(data)
            self._state.notify()
        return written

    def close(self) -> None:
        """Write what waits, seal the open segment and end the thread."""
        with self._state:
            self._is_closed = True
            self._state.notify()
        self._writer.join()

    def _write(self) -> None:
        while True:
            with self._state:
                if not self._waiting and not self._is_closed:
                    self._state.wait(self._seconds_to_seal())
                group, self._waiting, self._waiting_bytes = self._waiting, [], 0
                is_last = self._is_closed
            if group:
                self._write_group(group)
            if self._segment is not None and (is_last or self._is_due(self._segment)):
                self._seal()
            if is_last:
                return

    def _write_group(self, group: list[tuple[bytes, Future[None]]]) -> None:
        try:
            if self._segment is None:
                self._segment = Segment(self.folder)
            self._segment.append(b"".join(data for data, _ in group))
        except OSError as error:
            what = "the disk is full" if is_disk_full(error) else error.strerror or type(error).__name__
            failure = LogFailed(f"{self.folder}: events cannot be written: {what}.")
            failure.__cause__ = error
            # Nobody knows what a failed flush has left, so the next group gets a new segment.
            self._seal()
            for _, written in group:
                written.set_exception(failure)
            return
        for _, written in group:
            written.set_result(None)

    def _is_due(self, segment: Segment) -> bool:
        return segment.size >= SEAL_BYTES or time.monotonic() - segment.opened_at >= self._seal_seconds

    def _seconds_to_seal(self) -> float | None:
        if self._segment is None:
            return None
        return max(0.0, self._segment.opened_at + self._seal_seconds - time.monotonic())

    def _seal(self) -> None:
        segment, self._segment = self._segment, None
        try:
            if segment is not None:
                segment.seal()
        except OSError:
            # Its file is closed, so `seal_orphans` seals it.
            return
