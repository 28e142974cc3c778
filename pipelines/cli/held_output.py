"""Holds what this process writes to standard error for a moment, so that it can be dropped.

When the disk is full, the engine's native code and Dagster print what they could not write before the command can say
in one line what has happened.
"""

import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

HOLD_SECONDS = 2.0
"""How long a text is held: as long as a failed step needs to end the run."""
_LOOK_SECONDS = 0.2


@dataclass
class HeldOutput:
    """The texts that wait to be printed. `drop` deletes them."""

    _target: int
    _reader: int
    _waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    _ended: threading.Event = field(default_factory=threading.Event)
    _is_dropped: bool = False

    def drop(self) -> None:
        """Print nothing of what is held, and nothing that is written later."""
        self._is_dropped = True

    def pass_on(self) -> None:
        """Print each text after its time, until `end` is called."""
        while not self._ended.is_set():
            self._collect(_LOOK_SECONDS)
            self._print(time.monotonic() - HOLD_SECONDS)

    def end(self) -> None:
        """Let `pass_on` return."""
        self._ended.set()

    def flush(self) -> None:
        """Print everything at once."""
        self._collect(0)
        self._print(time.monotonic())

    def _collect(self, seconds: float) -> None:
        while select.select([self._reader], [], [], seconds)[0]:
            text = os.read(self._reader, 1 << 16)
            if not text:
                return
            self._waiting.append((time.monotonic(), text))
            seconds = 0

    def _print(self, until: float) -> None:
        while self._waiting and self._waiting[0][0] <= until:
            _, text = self._waiting.popleft()
            if not self._is_dropped:
                os.write(self._target, text)


@contextmanager
def held_stderr() -> Iterator[HeldOutput]:
    """Hold what is written to standard error in the block, by Python and by native code; print the rest at its end."""
    sys.stderr.flush()
    target, (reader, writer) = os.dup(2), os.pipe()
    held = HeldOutput(target, reader)
    os.dup2(writer, 2)
    os.close(writer)
    printer = threading.Thread(target=held.pass_on, name="held output", daemon=True)
    printer.start()
    try:
        yield held
    finally:
        sys.stderr.flush()
        os.dup2(target, 2)
        held.end()
        printer.join()
        held.flush()
        os.close(reader)
        os.close(target)
