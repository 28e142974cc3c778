"""Starts processes of Flower and relays, waits until they serve, and ends them by their process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from federated.errors import DeploymentFailed

START_SECONDS = 60.0
STOP_SECONDS = 10.0


def environment(home: Path, *, telemetry: bool = False) -> dict[str, str]:
    """Returns the environment of Flower's processes: own home folder; telemetry and update check only on request.

    Flower starts its helpers by name, so the folder of this Python's programs comes first in `PATH`.
    """
    return {
        **os.environ,
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "1" if telemetry else "0",
        "FLWR_DISABLE_UPDATE_CHECK": "0" if telemetry else "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONUNBUFFERED": "1",
    }


def free_port() -> int:
    """Returns a port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Processes:
    """Processes that are ended together.

    Attributes:
        folder: folder of their log files.
        env: their environment.
    """

    folder: Path
    env: Mapping[str, str]
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], port: int | None = None) -> int:
        """Starts a process and waits until it listens on the port; returns its process id.

        Raises:
            DeploymentFailed: the process ended or did not listen in time; the message ends with its last lines.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                list(command),
                stdout=log,
                stderr=log,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._running[name] = process
        end = time.monotonic() + START_SECONDS
        while port is not None and not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                ended = f"ended with code {process.returncode}" if process.poll() is not None else "does not listen"
                raise DeploymentFailed(f"{name} {ended} (port {port}). The end of its log:\n{self.tail(name)}")
            time.sleep(0.1)
        return process.pid

    def log(self, name: str) -> Path:
        """Returns the log file of a process."""
        return self.folder / f"{name}.log"

    def tail(self, name: str, lines: int = 15) -> str:
        """Returns the last lines of a process's log."""
        path = self.log(name)
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def wait(self) -> str:
        """Waits until one of the processes ends, and returns its name."""
        while True:
            for name, process in self._running.items():
                if process.poll() is not None:
                    return name
            time.sleep(0.5)

    def kill(self, name: str) -> None:
        """Ends one process and its children at once, as a crash does."""
        process = self._running.pop(name)
        _signal(process, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Ends all processes: asks each to end, and after ten seconds kills those that are left."""
        processes = list(self._running.values())
        self._running.clear()
        for process in processes:
            _signal(process, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))
            _signal(process, signal.SIGKILL)
            process.wait()

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signals the session that the process leads: Flower's nodes start helpers, which would stay."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
