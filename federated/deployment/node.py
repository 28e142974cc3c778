"""The processes of a site: Flower's supernode, and the relay that shows the site's certificate to the server."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from federated.deployment.approved_app import APPROVED, approved_bundle, write_programs
from federated.deployment.certificates import AUTHORITY, ROSTER, require_valid
from federated.deployment.processes import Processes, environment, free_port


@dataclass
class Node:
    """A running site.

    Attributes:
        folder: the site's keys (`make_site_keys`), and from the server's operator `site.crt`, the authority's
            certificate and the roster.
        server: host:port of the server's relay.
        config: the node's configuration: `adapter`, the keys of `SitePolicy`, and what the adapter reads.
        telemetry: let Flower send its usage data to its makers.
    """

    folder: Path
    server: str
    config: Mapping[str, str | int | float | bool]
    telemetry: bool = False
    processes: Processes = field(init=False)

    def __post_init__(self) -> None:
        env = environment(self.folder / "flower", telemetry=self.telemetry)
        env["PATH"] = os.pathsep.join([str(write_programs(self.folder / "programs")), env["PATH"]])
        env[APPROVED] = approved_bundle()
        self.processes = Processes(self.folder / "logs", env)

    def start(self) -> None:
        """Starts relay and supernode.

        Raises:
            DeploymentFailed: the site's certificate has expired, or a process did not start.
        """
        require_valid(self.folder / "site.crt")
        relay_port, port = free_port(), free_port()
        relay = [sys.executable, "-m", "federated.deployment", "relay", "--folder", str(self.folder)]
        relay += ["--certificate", "site", "--listen", f"127.0.0.1:{relay_port}", "--upstream", self.server]
        self.processes.start("relay", relay, relay_port)
        keys = {"secure-key": str(self.folder / "secure.key"), "secure-roster": str(self.folder / ROSTER)}
        keys["memory"] = str(self.folder / "rounds.json")
        config = " ".join(f"{key}={json.dumps(value)}" for key, value in {**keys, **self.config}.items())
        node = [
            "flower-supernode",
            "--superlink",
            f"127.0.0.1:{relay_port}",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        node += ["--root-certificates", str(self.folder / AUTHORITY), "--node-config", config]
        node += ["--auth-supernode-private-key", str(self.folder / "node.key")]
        self.processes.start("supernode", node, port)

    def stop(self) -> None:
        """Ends supernode and relay."""
        self.processes.stop()
