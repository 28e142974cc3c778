"""Lets a node run one app only: the one that the site's own installation contains.

Flower's server sends nodes the code that they run. A node started by `Node` accepts the bundle that its own package
builds to the byte, and no other, so the code that reads the site's rows is what its operator installed. The check
stands where Flower unpacks a bundle: Flower starts its helpers by name, and the folder of these programs comes first in
the node's `PATH`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from federated.errors import DeploymentFailed

APP = Path(__file__).parents[1]
"""The folder of the Flower app."""
APPROVED = "FEDERATED_APPROVED_APP"
"""Variable of the node's processes that holds the SHA-256 of the bundle; computing it again takes a second."""
REFUSED = ("flwr-agentapp", "flwr-connector", "flwr-model", "flwr-serverapp", "flwr-simulation")
"""Programs of Flower that run other code of the server; a site needs none of them."""


def approved_bundle() -> str:
    """Returns the SHA-256 of the bundle that this installation builds."""
    from flwr.cli.build import build_fab_from_disk

    return sha256(build_fab_from_disk(APP)).hexdigest()


def write_programs(folder: Path) -> Path:
    """Writes the programs that Flower's helpers are replaced with, and returns their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    run = f"#!{sys.executable}\nfrom federated.deployment.approved_app import {{name}}\n{{name}}()\n"
    for program in ("flwr-clientapp", *REFUSED):
        path = folder / program
        path.write_text(run.format(name="refuse" if program in REFUSED else "run_client_app"))
        path.chmod(0o755)
    return folder


def run_client_app() -> None:
    """Runs Flower's client process, which stops before it unpacks another bundle than the approved one."""
    from flwr.supernode.cli import flwr_clientapp
    from flwr.supernode.runtime import run_clientapp

    install = run_clientapp.install_from_fab  # type: ignore[attr-defined]
    run_clientapp.install_from_fab = _checked(install, os.environ[APPROVED])  # type: ignore[attr-defined]
    flwr_clientapp()


def _checked(install: Callable[..., Any], approved: str) -> Callable[..., Any]:
    def checked(bundle: bytes, *arguments: Any, **options: Any) -> Any:
        found = sha256(bundle).hexdigest()
        if found != approved:
            raise DeploymentFailed(
                f"The server sent the app {found[:12]}…; this site's package contains {approved[:12]}…, so nothing "
                "was run. Install the same version at server and sites."
            )
        return install(bundle, *arguments, **options)

    return checked


def refuse() -> None:
    """Ends with an error: a site runs client apps only."""
    sys.exit(f"A site does not run {Path(sys.argv[0]).name}.")
