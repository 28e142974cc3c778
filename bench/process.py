"""Runs a command and measures what its whole process tree took."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Measured:
    """Wall seconds, and the largest sum of resident memory over the process tree."""

    seconds: float
    peak_bytes: int
    output: str

    @property
    def peak_gib(self) -> float:
        """Peak memory in GiB."""
        return self.peak_bytes / 2**30


class CommandFailed(RuntimeError):
    """A measured command ended with a failure, so its figures mean nothing."""


def run_measured(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> Measured:
    """Run `command` to its end, sampling the memory of it and its children ten times a second.

    Args:
        command: program and arguments.
        env: variables to add to this process's own.

    Raises:
        CommandFailed: when it exits with anything but 0; the end of its output is in the message.
    """
    with tempfile.TemporaryFile(mode="w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(command), stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, _tree_bytes(process.pid))
            time.sleep(SAMPLE_SECONDS)
        seconds = time.perf_counter() - started
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(command)} exited with {process.returncode}:\n{text[-2000:]}")
    return Measured(seconds, peak, text)


def _tree_bytes(pid: int) -> int:
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        return total
    return total
