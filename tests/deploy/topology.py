"""Starts the services of deploy/compose.yaml as processes of this machine, with their commands and checks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.database_server import free_port, postgres_server, redis_server, s3_server

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PATIENCE_SECONDS = 1800.0


@dataclass(frozen=True)
class Topology:
    """The folder of the installation, the ports of its services and the environment of their processes."""

    folder: Path
    ports: Mapping[int, int]
    environment: Mapping[str, str]

    @cached_property
    def services(self) -> dict[str, Any]:
        """The services of the Compose file."""
        return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"])

    def address(self, port: int) -> str:
        """The address of what listens on this port in a container."""
        return f"http://127.0.0.1:{self.ports[port]}"

    def bojagi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Bojagi to its end."""
        return subprocess.run(
            self._command(*arguments), env=dict(self.environment), capture_output=True, text=True, check=False
        )

    def is_healthy(self, service: str) -> bool:
        """Return whether the check of a service in the Compose file passes."""
        _, program, *arguments = (self._here(word) for word in self.services[service]["healthcheck"]["test"])
        if program == "bojagi":
            return self.bojagi(*arguments).returncode == 0
        assert program == "python"
        return subprocess.run([sys.executable, *arguments], capture_output=True, check=False).returncode == 0

    def wait_for(self, service: str, process: subprocess.Popen[bytes]) -> None:
        """Wait until the check of a service passes."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.is_healthy(service):
            if time.monotonic() > deadline or process.poll() is not None:
                raise TimeoutError(f"{service} is not healthy:\n{self.log(service).read_text()}")
            time.sleep(1)

    @contextmanager
    def running(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a service of the Compose file for the block; end it with SIGTERM, as a container is ended."""
        command = self.services[service]["command"]
        port = {"serve": 8080, "ui": 3000}.get(service)
        place = [] if port is None else ["--port", str(self.ports[port])]
        with self.log(service).open("w") as log:
            process = subprocess.Popen(
                self._command(*command, *place), env=dict(self.environment), stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(timeout=PATIENCE_SECONDS)
                finally:
                    process.kill()
                    process.wait()

    def log(self, service: str) -> Path:
        """The file with the output of a service."""
        return self.folder / f"{service}.log"

    def _here(self, text: str) -> str:
        for inside, outside in self.ports.items():
            text = text.replace(f"127.0.0.1:{inside}/", f"127.0.0.1:{outside}/")
        return text

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-W", "ignore", "-m", "pipelines.cli", *arguments]


@contextmanager
def topology(folder: Path) -> Iterator[Topology]:
    """Run the stores and yield the topology. Its settings are those of prepare.sh, with addresses of this machine."""
    secrets = folder / "secret"
    settings_of = os.environ | {"SECRET_DIR": str(secrets), "BOJAGI_UID": str(os.getuid())}
    subprocess.run(["sh", str(DEPLOY / "prepare.sh")], env=settings_of, check=True, capture_output=True)
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(flushes=True))
        redis, _ = stack.enter_context(redis_server())
        s3, client = stack.enter_context(s3_server())
        postgres.run(f"CREATE USER bojagi PASSWORD '{(secrets / 'database').read_text()}'")
        postgres.run("CREATE DATABASE bojagi OWNER bojagi")
        client.create_bucket(Bucket="bojagi")
        replace(secrets / "redis", f"{redis}\n")
        here = {
            "/var/lib/bojagi-secret": str(folder / "keys"),
            "/var/lib/bojagi": str(folder / "data"),
            "/run/secrets": str(secrets),
            "postgres:5432": f"127.0.0.1:{postgres.port}",
            "http://s3:8333": s3,
        }
        text = (secrets / "bojagi.toml").read_text()
        for inside, outside in here.items():
            assert inside in text
            text = text.replace(inside, outside)
        replace(secrets / "bojagi.toml", f'engine_memory = "1GB"\n{text}')
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("BOJAGI_", "DAGSTER_"))}
        environment = kept | {"BOJAGI_CONFIG": str(secrets / "bojagi.toml"), "PYTHONPATH": str(ROOT)}
        yield Topology(folder, {8080: free_port(), 3000: free_port()}, environment)


def replace(path: Path, text: str) -> None:
    """Write a private file anew."""
    path.unlink()
    path.write_text(text)
    path.chmod(0o400)
