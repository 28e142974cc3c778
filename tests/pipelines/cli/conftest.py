"""A small market, refreshed once by the real command in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Bojagi:
    """The command, on one data folder."""

    data: Path

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "pipelines.cli", *arguments, "--data", str(self.data)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments)
        output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def kill_after(process: "subprocess.Popen[str]", lines: int) -> list[str]:
    """Read that many lines from the process and kill it without warning."""
    with process:
        assert process.stdout is not None
        read = [process.stdout.readline() for _ in range(lines)]
        os.kill(process.pid, signal.SIGKILL)
    return read


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Bojagi:
    """A market of twenty households whose first run was killed while it loaded the sources."""
    bojagi = Bojagi(tmp_path_factory.mktemp("market"))
    out = [sys.executable, "-m", "pipelines.cli", "simulate", "--households", "20", "--out", str(bojagi.data)]
    subprocess.run(out, check=True, capture_output=True)
    lines = kill_after(bojagi.start("run"), 5)
    # A line that begins with spaces says why rows of the source above are in quarantine.
    early = ("bronze/", "features/registry", "search/index")
    assert all(line.startswith("    ") or any(name in line for name in early) for line in lines)
    return bojagi


@pytest.fixture(scope="session")
def finished(killed: Bojagi) -> tuple[Bojagi, Any]:
    """The same market, and what the run after the killed one told."""
    return killed, killed.json("run")
