"""The processes of a federation's server: Flower's superlink on the loopback address, and the relay in front of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from federated.deployment.approved_app import APP
from federated.deployment.certificates import AUTHORITY, ROSTER, require_valid
from federated.deployment.processes import Processes, environment, free_port
from federated.errors import DeploymentFailed


@dataclass
class Server:
    """A running server.

    Attributes:
        folder: folder of the authority, from `make_authority`; the state of Flower is kept there as well.
        host, port: where sites reach the relay.
        telemetry: let Flower send its usage data to its makers.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    telemetry: bool = False
    link_port: int = field(default_factory=free_port)
    processes: Processes = field(init=False)

    def __post_init__(self) -> None:
        env = environment(self.folder / "flower", telemetry=self.telemetry)
        self.processes = Processes(self.folder / "logs", env)

    def start(self) -> None:
        """Starts superlink and relay, and registers the admitted sites."""
        require_valid(self.folder / "server.crt")
        self._write_connection()
        self.start_link()
        self.register()
        relay = [sys.executable, "-m", "federated.deployment", "relay", "--folder", str(self.folder)]
        relay += ["--certificate", "server", "--gate", "--listen", f"{self.host}:{self.port}"]
        self.processes.start("relay", [*relay, "--upstream", f"127.0.0.1:{self.link_port}"], self.port)

    def start_link(self) -> None:
        """Starts the superlink. It listens on the loopback address only."""
        command = ["flower-superlink", "--ssl-certfile", str(self.folder / "server.crt")]
        command += ["--ssl-keyfile", str(self.folder / "server.key"), "--ssl-ca-certfile", str(self.folder / AUTHORITY)]
        command += ["--database", str(self.folder / "superlink.db"), "--enable-supernode-auth"]
        command += ["--disable-runtime-dependency-installation", "--host", "127.0.0.1", "--port", str(self.link_port)]
        self.processes.start("superlink", command, self.link_port)

    def register(self) -> None:
        """Registers the node key of every admitted site; a site that is registered already stays so."""
        seen = self.folder / "registered.json"
        known = json.loads(seen.read_text()) if seen.exists() else {}
        for public in sorted(self.folder.glob("*.pub")):
            if known.get(public.stem) != public.read_text():
                self._flwr("supernode", "register", str(public), "federation", "--name", public.stem)
                known[public.stem] = public.read_text()
                seen.write_text(json.dumps(known))

    def submit(self, plan: Path, checkpoint: Path) -> int:
        """Starts a run of the plan and returns Flower's number of it."""
        settings = {"plan": plan, "roster": self.folder / ROSTER, "checkpoint": checkpoint}
        config = self.folder / "run.toml"
        config.write_text("".join(f"{key} = {json.dumps(str(value))}\n" for key, value in settings.items()))
        answer = self._flwr("run", str(APP), "federation", "--run-config", str(config), "--format", "json")
        return int(json.loads(answer)["run-id"])

    def wait(self, run: int, timeout_seconds: float = 3600.0) -> None:
        """Waits until a run has ended; raises `DeploymentFailed` with its last lines when it failed."""
        end = time.monotonic() + timeout_seconds
        while (status := self.status(run)).startswith(("pending", "starting", "running")):
            if time.monotonic() > end:
                raise DeploymentFailed(f"Run {run} has not ended after {timeout_seconds:g} s; its state is {status!r}.")
            time.sleep(1.0)
        if not status.startswith("finished:completed"):
            raise DeploymentFailed(
                f"Run {run} ended as {status!r}.\n{self._flwr('log', str(run), 'federation', '--show')}"
            )

    def status(self, run: int) -> str:
        """Returns Flower's state of a run, such as `running` or `finished:completed`."""
        listed = json.loads(self._flwr("list", "federation", "--run-id", str(run), "--format", "json"))
        return str(listed["runs"][0]["status"])

    def stop(self) -> None:
        """Ends relay and superlink."""
        self.processes.stop()

    def _write_connection(self) -> None:
        home = self.folder / "flower"
        home.mkdir(parents=True, exist_ok=True)
        connection = {"address": f"127.0.0.1:{self.link_port}", "root-certificates": str(self.folder / AUTHORITY)}
        lines = [f"{key} = {json.dumps(value)}" for key, value in connection.items()]
        text = "\n".join(["[superlink]", 'default = "federation"', "", "[superlink.federation]", *lines, ""])
        (home / "config.toml").write_text(text)

    def _flwr(self, *arguments: str) -> str:
        done = subprocess.run(
            ["flwr", *arguments], env=dict(self.processes.env), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise DeploymentFailed(f"`flwr {arguments[0]}` failed: {(done.stdout + done.stderr).strip()[-2000:]}")
        return done.stdout
