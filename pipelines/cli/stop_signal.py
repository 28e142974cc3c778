"""Ends a command with one line and exit code 130 or 143 when it gets Ctrl-C (SIGINT) or SIGTERM.

The main thread gets a `KeyboardInterrupt` and unwinds, so that files and stores are closed in order. From then on
nothing else is printed, also no traceback of a library. A thread ends the process when that takes too long. It learns
of the signals by the wakeup file descriptor, because Dagster replaces the handlers while it executes a run.
"""

import os
import select
import signal
import sys
import threading
import time
from types import FrameType

GRACE_SECONDS = 10.0
"""How long the main thread may take to close files and stores after a signal. A second signal ends it at once."""
REPEAT_SECONDS = 1.0
_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
_INTERRUPTS = {"KeyboardInterrupt", "DagsterExecutionInterruptedError"}
"""What the handlers of Python, of this module and of Dagster raise. By name, so that Dagster is not imported."""


class StopSignals:
    """Listens for SIGINT and SIGTERM in this process, also where its parent process ignores them."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._stderr = os.dup(2)
        self._lock = threading.Lock()
        self._is_finished = False

    def listen(self) -> None:
        """Start to listen. Call it in the main thread, before anything that takes time is imported."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in _NAMES:
            signal.signal(number, self._interrupt)
        default = sys.unraisablehook

        def print_unless_interrupted(found: "sys.UnraisableHookArgs") -> None:
            # An interrupt inside a callback that cannot raise would be printed; the watching thread repeats the signal.
            # Under Dagster's handler the interrupt can be here before the watching thread has noted its signal.
            if self.received is None and getattr(found.exc_type, "__name__", "") not in _INTERRUPTS:
                default(found)

        sys.unraisablehook = print_unless_interrupted
        threading.Thread(target=self._watch, args=(reader,), name="stop signals", daemon=True).start()

    def finish(self) -> None:
        """End the process if it got a signal; else ignore signals from now on, because the work is done."""
        self._is_finished = True
        if self.received is not None:
            self.end()
        for number in _NAMES:
            signal.signal(number, signal.SIG_IGN)

    def end(self) -> None:
        """Print the line and end the process with the exit code of the signal."""
        number = self.received or signal.SIGINT
        self._lock.acquire()  # never released: whoever prints the line first also ends the process
        text = f"Stopped by {_NAMES[number]}. What is finished is kept; run the command again to continue."
        mark = "\033[1;31merror:\033[0m" if os.isatty(self._stderr) else "error:"
        try:
            os.write(self._stderr, f"{mark} {text}\n".encode())
        finally:
            os._exit(128 + number)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self._note(number)
        if not self._is_finished:
            raise KeyboardInterrupt

    def _note(self, number: int) -> None:
        """Record the first signal, and let nothing else be printed, neither by Python nor by a library in C."""
        if self.received is None:
            self.received = signal.Signals(number)
        sys.stdout = sys.stderr = nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)

    def _watch(self, reader: int) -> None:
        """Wait for a signal, then for the end of the process; end it when the time is over or on a second signal.

        The signal is repeated meanwhile, because Dagster loses one that arrives between two steps.
        """
        self._note(_next_signal(reader, None) or signal.SIGINT)
        own, end = 0, time.monotonic() + GRACE_SECONDS
        while time.monotonic() < end:
            if _next_signal(reader, REPEAT_SECONDS) is None:
                own += 1
                signal.pthread_kill(threading.main_thread().ident or 0, self.received or signal.SIGINT)
            elif own:
                own -= 1  # the one that this thread has sent
            else:
                break
        self.end()


def _next_signal(reader: int, seconds: float | None) -> int | None:
    """Wait for a stop signal and return its number; None if none came in this time. Other signals do not count."""
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        left = None if end is None else max(end - time.monotonic(), 0)
        if not select.select([reader], [], [], left)[0]:
            return None
        (number,) = os.read(reader, 1)
        if number in _NAMES:
            return number
