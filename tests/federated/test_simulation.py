"""`flwr run` in simulation, with Flower's back end Ray where it is installed."""

from __future__ import annotations

import json
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from federated.checkpoint import read_checkpoint
from federated.deployment.approved_app import APP
from federated.deployment.processes import Processes, environment, free_port
from federated.glm import Glm
from federated.local_run import run_local
from federated.plan import Plan
from tests.federated.sites import OPEN, SCHEMA, make_sites

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason='needs Ray: pip install "flwr[simulation]"')
def test_a_simulated_run_gives_the_bits_of_a_run_in_one_process(tmp_path: Path) -> None:
    plan = Plan("simulated", Glm(), SCHEMA, is_secure=False)
    (tmp_path / "plan.json").write_text(plan.to_json())
    settings = {"plan": str(tmp_path / "plan.json"), "checkpoint": str(tmp_path / "model"), "sites-min": 2}
    settings |= {"adapter": "tests.federated.sites:open_site", "secure-only": False}
    (tmp_path / "run.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
    port, env = free_port(), environment(tmp_path) | {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    (tmp_path / "config.toml").write_text(
        f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "127.0.0.1:{port}"\ninsecure = true\n'
    )
    with Processes(tmp_path / "logs", env) as processes:
        link = ["flower-superlink", "--insecure", "--simulation", "--host", "127.0.0.1", "--port", str(port)]
        processes.start("superlink", link, port)
        command = ["flwr", "run", str(APP), "here", "--run-config", str(tmp_path / "run.toml"), "--stream"]
        subprocess.run([*command, "--federation-config", "num-supernodes=3"], env=env, check=True, capture_output=True)
    found, expected = read_checkpoint(tmp_path / "model"), run_local(plan, make_sites(3), config=OPEN)
    for name, array in expected.state.items():
        np.testing.assert_array_equal(array, found.state[name])
