"""Runs a command with all processes that it starts, and ends them all together."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0
"""How long the command may take to end by itself and with it its children; then as long again after SIGTERM."""


@dataclass
class _Received:
    """The stop signals that this process has received, in order."""

    signals: list[int] = field(default_factory=list)

    def note(self, number: int, _frame: FrameType | None) -> None:
        self.signals.append(number)


@dataclass(frozen=True)
class Ending:
    """How a command ended: with its exit code, or because this process received a stop signal."""

    exit_code: int
    stopped_by: signal.Signals | None


def run_group(command: Sequence[str], environment: Mapping[str, str], grace_seconds: float = GRACE_SECONDS) -> Ending:
    """Run the command in a process group of its own until it ends or this process gets a stop signal.

    At the end no process of the group is left. After a stop signal (SIGTERM, SIGINT, SIGHUP) the command gets SIGINT,
    on which Dagster ends its children in order. After `grace_seconds` the whole group gets SIGTERM, and after as long
    again, or on a second stop signal, SIGKILL.
    """
    with _stop_signals() as received:
        # A session of its own, so that Ctrl-C in the terminal reaches this process alone and children are ended once.
        process = subprocess.Popen(list(command), env=dict(environment), start_new_session=True)
        while process.poll() is None and not received.signals:
            time.sleep(POLL_SECONDS)
        stopped_by = signal.Signals(received.signals[0]) if received.signals else None
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            _wait_until_gone(process, grace_seconds, received)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if _is_gone(process):
                break
            os.killpg(process.pid, number)
            _wait_until_gone(process, grace_seconds, received)
        return Ending(process.wait(), stopped_by)


@contextmanager
def _stop_signals() -> Iterator[_Received]:
    """Note stop signals instead of being ended by them; restore the former handlers at the end.

    SIGHUP under nohup and SIGINT of a background job stay without effect where this process ignores them. They get a
    handler all the same, because a command that this process starts would inherit that they are ignored. SIGTERM always
    counts, also where the parent process ignores it.
    """
    received = _Received()
    former = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    listener = signal.set_wakeup_fd(-1)  # of the command line, which would end this process
    for number, handler in former.items():
        is_ignored = handler is signal.SIG_IGN and number is not signal.SIGTERM
        signal.signal(number, _do_nothing if is_ignored else received.note)
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(listener)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Handle a signal without any effect."""


def _wait_until_gone(process: "subprocess.Popen[bytes]", seconds: float, received: _Received) -> None:
    """Wait until no process of the group is left; at most so long, and not after another stop signal."""
    deadline, known = time.monotonic() + seconds, len(received.signals)
    while time.monotonic() < deadline and len(received.signals) == known and not _is_gone(process):
        time.sleep(POLL_SECONDS)


def _is_gone(process: "subprocess.Popen[bytes]") -> bool:
    """Say whether the process has ended and no other process of its group is left."""
    if process.poll() is None:
        return False
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return True
    return False
