"""Nodes over an installation train a declared model over mutual TLS, with the bits of the run in one process."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from federated.checkpoint import read_checkpoint
from federated.deployment.certificates import AUTHORITY, ROSTER, admit, make_authority, make_site_keys
from federated.deployment.node import Node
from federated.deployment.server import Server
from federated.local_run import run_local
from tests.features.repo.training_market import TrainingMarket
from tests.pipelines.federated.conftest import Declare

ROOT = Path(__file__).parents[3]
GROUPS = {"north": ["경기도"], "south": ["부산광역시"], "west": ["광주광역시", "대전광역시", "강원도"]}

pytestmark = pytest.mark.slow


def test_nodes_over_an_installation_give_the_bits_of_the_run_in_one_process(
    declare: Declare, market: TrainingMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # The settings of the nodes' processes come from their environment.
    monkeypatch.setenv("BOJAGI_RUN_DATE", "2017-06-30")
    sites = {"table": "gold/customer_location", "column": "sido", "groups": GROUPS}
    service = declare(sites=sites, rounds=2)
    plan = dataclasses.replace(service.plan("next_order", 3), timeout_seconds=200.0)
    (tmp_path / "plan.json").write_text(plan.to_json())
    authority = tmp_path / "authority"
    make_authority(authority, ["localhost"])
    for name in GROUPS:
        admit(authority, make_site_keys(tmp_path / name, name))
    server, nodes = Server(authority), []
    try:
        server.start()
        for name in GROUPS:
            for source, target in ((f"{name}.crt", "site.crt"), (AUTHORITY, AUTHORITY), (ROSTER, ROSTER)):
                shutil.copy(authority / source, tmp_path / name / target)
            config = {
                "adapter": "pipelines.federated.adapter:open_site", "site": name, "model": "next_order",
                "data-dir": str(market.installation.settings.data_dir), "declared-sites": True,
                "declarations": str(tmp_path / "declared"),
            }  # fmt: skip
            nodes.append(Node(tmp_path / name, f"localhost:{server.port}", config))
            nodes[-1].start()
        server.wait(server.submit(tmp_path / "plan.json", tmp_path / "run.zip"), 900)
    finally:
        for node in nodes:
            node.stop()
        server.stop()
    found = read_checkpoint(tmp_path / "run.zip")
    with service.sites(service.release("next_order")) as local:
        expected = run_local(plan, local)
    assert found.history[-1]["sites"] == sorted(GROUPS)
    for name, array in expected.state.items():
        np.testing.assert_array_equal(array, found.state[name])
