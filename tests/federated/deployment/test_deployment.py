"""A federation of real processes on the loopback address: Flower's superlink and supernodes behind mutual TLS."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from federated.checkpoint import read_checkpoint
from federated.deployment import server as server_module
from federated.deployment.certificates import AUTHORITY, ROSTER, admit, make_authority, make_site_keys
from federated.deployment.node import Node
from federated.deployment.server import Server
from federated.errors import DeploymentFailed
from federated.glm import Glm
from federated.local_run import run_local
from federated.plan import Plan
from tests.federated.sites import OPEN, SCHEMA, make_sites

ROOT = Path(__file__).parents[3]
PLAIN = Plan("plain", Glm(), SCHEMA, sites_min=2, is_secure=False, timeout_seconds=25.0)
MASKED = dataclasses.replace(PLAIN, run="masked", task=Glm("linear"), sites_min=3, is_secure=True, rounds_max=1)

# Flower names the patterns of its bundles in the older way.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")]


@dataclass
class Federation:
    folder: Path
    server: Server
    nodes: list[Node]

    def submit(self, plan: Plan) -> tuple[int, Path]:
        path, checkpoint = self.folder / f"{plan.run}.json", self.folder / f"{plan.run}.checkpoint"
        path.write_text(plan.to_json())
        return self.server.submit(path, checkpoint), checkpoint


def _node(folder: Path, number: int, server: Server, authority: Path) -> Node:
    name = f"site-{number}"
    for source, target in [(f"{name}.crt", "site.crt"), (AUTHORITY, AUTHORITY), (ROSTER, ROSTER)]:
        shutil.copy(authority / source, folder / name / target)
    config = {"adapter": "tests.federated.sites:open_site", "number": number, **OPEN}
    return Node(folder / name, f"localhost:{server.port}", config)


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("federation")
    os.environ["PYTHONPATH"] = str(ROOT)
    authority = folder / "authority"
    make_authority(authority, ["localhost"])
    for number in range(3):
        admit(authority, make_site_keys(folder / f"site-{number}", f"site-{number}"))
    server = Server(authority)
    nodes = [_node(folder, number, server, authority) for number in range(3)]
    try:
        server.start()
        for node in nodes:
            node.start()
        yield Federation(folder, server, nodes)
    finally:
        for node in nodes:
            node.stop()
        server.stop()
        del os.environ["PYTHONPATH"]


def test_a_masked_run_over_mutual_tls_gives_the_bits_of_a_run_in_one_process(federation: Federation) -> None:
    run, checkpoint = federation.submit(MASKED)
    federation.server.wait(run, 300)
    found, expected = read_checkpoint(checkpoint), run_local(MASKED, make_sites(3), config=OPEN)
    assert found.history[0]["sites"] == ["site-0", "site-1", "site-2"]
    for name, array in expected.state.items():
        np.testing.assert_array_equal(array, found.state[name])


def test_a_node_whose_key_is_not_registered_takes_no_part(federation: Federation, tmp_path: Path) -> None:
    shutil.copytree(federation.nodes[0].folder, tmp_path / "site", ignore=shutil.ignore_patterns("flower", "logs"))
    make_site_keys(tmp_path / "other", "site-0")
    shutil.copy(tmp_path / "other" / "node.key", tmp_path / "site" / "node.key")
    node = Node(tmp_path / "site", f"localhost:{federation.server.port}", federation.nodes[0].config)
    try:
        node.start()
        assert node.processes.wait() == "supernode"
        assert "ID:" not in node.processes.tail("supernode", 100)
    finally:
        node.stop()


def test_a_killed_server_resumes_from_its_checkpoint_and_a_killed_site_is_left_out(federation: Federation) -> None:
    _, checkpoint = federation.submit(PLAIN)
    _wait_for(checkpoint)
    federation.server.processes.kill("superlink")
    federation.nodes[2].processes.kill("supernode")
    done = len(read_checkpoint(checkpoint).history)
    federation.server.start_link()
    run, _ = federation.submit(PLAIN)
    federation.server.wait(run, 400)
    found = read_checkpoint(checkpoint)
    two = run_local(PLAIN, make_sites(2), config=OPEN)
    assert found.is_done
    assert found.history[0]["sites"] == ["site-0", "site-1", "site-2"]
    assert found.history[-1]["sites"] == ["site-0", "site-1"]
    assert len(found.history) > done
    np.testing.assert_allclose(found.state["coefficient"], two.state["coefficient"], atol=1e-6)


def test_a_site_runs_no_other_app_than_its_own(federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    other = federation.folder / "other-app"
    shutil.copytree(server_module.APP, other, ignore=shutil.ignore_patterns("__pycache__"))
    (other / "client_app.py").write_text((other / "client_app.py").read_text() + "\n# altered\n")
    monkeypatch.setattr(server_module, "APP", other)
    run, _ = federation.submit(dataclasses.replace(PLAIN, run="altered"))
    with pytest.raises(DeploymentFailed, match="client app failed"):
        federation.server.wait(run, 200)
    assert "so nothing was run" in federation.nodes[0].processes.tail("supernode", 100)


def test_a_run_that_fails_says_why(federation: Federation) -> None:
    plan = dataclasses.replace(PLAIN, run="private", sites_min=50, sites_max=60, timeout_seconds=1.0)
    run, _ = federation.submit(plan)
    with pytest.raises(DeploymentFailed, match="sites are connected after 1 s; run 'private' needs 50"):
        federation.server.wait(run, 100)


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < end, "no round was finished in two minutes"
        time.sleep(0.2)
