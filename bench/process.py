"""Runs a command and measures the time and the peak memory of its whole process tree."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Measured:
    """Wall seconds, peak memory, output and processor seconds of a command.

    The memory is resident and summed over the process tree. The processor time is that of all cores together, and
    other programs on the machine change it little.
    """

    seconds: float
    peak_bytes: int
    output: str
    cpu_seconds: float = 0.0

    @property
    def peak_gib(self) -> float:
        """Peak memory in GiB."""
        return self.peak_bytes / 2**30


class CommandFailed(RuntimeError):
    """A measured command failed, so its figures are not valid."""


def run_measured(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end and return its time and peak memory, sampled ten times a second with its children.

    Args:
        command: program and arguments.
        env: variables to add to this process's own.

    Raises:
        CommandFailed: its exit code is not 0; the message has the end of its output.
    """
    with tempfile.TemporaryFile(mode="w+") as output:
        started, used = time.perf_counter(), _cpu_seconds_of_children()
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
    return Measured(seconds, peak, text, _cpu_seconds_of_children() - used)


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


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
