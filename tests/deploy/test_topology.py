"""The services of the Compose file as processes: a run started in Dagster's UI ends, and its features are served."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from installation.installation import Installation
from installation.settings import load_settings
from tests.deploy.topology import PATIENCE_SECONDS, Topology, topology

pytestmark = pytest.mark.slow

SERVED = ("online", "customer_feedback")
"""The feature view of the service `shopping_agent` that needs the fewest tables."""
REPOSITORY = '{repositoryLocationName: "pipelines.definitions", repositoryName: "__repository__"}'
SENSORS = f"{{ sensorsOrError(repositorySelector: {REPOSITORY}) {{ ... on Sensors {{ results {{ name id }} }} }} }}"
STOP = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"
GRAPH = "{ assetNodes { assetKey { path } dependencyKeys { path } } }"
LAUNCH = """mutation($assets: [AssetKeyInput!]) { launchRun(executionParams: {mode: "default", selector: {
  jobName: "refresh", repositoryLocationName: "pipelines.definitions", repositoryName: "__repository__",
  assetSelection: $assets}}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
STATE = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """The topology with a small market that has landed, and Dagster's services healthy."""
    with topology(tmp_path_factory.mktemp("topology")) as found, ExitStack() as stack:
        simulated = found.bojagi("simulate", "--households", "20")
        assert simulated.returncode == 0, simulated.stderr
        assert not found.is_healthy("daemon"), "no daemon has been started yet"
        found.wait_for("ui", stack.enter_context(found.running("ui")))
        # Stopped, so that no run of every table starts by itself before the one of the test.
        for sensor in ask(found.address(3000), SENSORS)["sensorsOrError"]["results"]:
            stopped = ask(found.address(3000), STOP, id=sensor["id"])["stopSensor"]
            assert stopped["__typename"] == "StopSensorMutationResult", sensor
        found.wait_for("daemon", stack.enter_context(found.running("daemon")))
        yield found


def ask(address: str, query: str, **variables: Any) -> dict[str, Any]:
    answer = httpx.post(f"{address}/graphql", json={"query": query, "variables": variables}, timeout=PATIENCE_SECONDS)
    answer.raise_for_status()
    return dict(answer.json()["data"])


def with_its_inputs(address: str, asset: tuple[str, ...]) -> list[dict[str, list[str]]]:
    """Return the keys of an asset and of all that it depends on, as the UI selects them."""
    inputs = {
        tuple(node["assetKey"]["path"]): [tuple(key["path"]) for key in node["dependencyKeys"]]
        for node in ask(address, GRAPH)["assetNodes"]
    }
    found, waiting = set(), [asset]
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += inputs[one]
    return [{"path": list(key)} for key in sorted(found)]


def test_a_run_started_in_the_ui_succeeds_and_its_features_are_served(running: Topology) -> None:
    dagster, service = running.address(3000), running.address(8080)
    assets = with_its_inputs(dagster, SERVED)
    launched = ask(dagster, LAUNCH, assets=assets)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run, state, deadline = launched["run"]["runId"], "", time.monotonic() + PATIENCE_SECONDS
    while state not in ENDED and time.monotonic() < deadline:
        time.sleep(1)
        state = ask(dagster, STATE, run=run)["runOrError"]["status"]
    assert state == "SUCCESS", running.log("daemon").read_text()[-3000:]

    made = running.bojagi(
        "api-key", "create", "--name", "t", "--role", "agent", "--purpose", "personalisation", "--json"
    )
    key = json.loads(made.stdout)["key"]
    with Installation(settings_of(running)) as installation:
        customers = installation.lakehouse.select("gold/customer_feedback", "customer_id")["customer_id"].to_pylist()
        assert installation.settings.lakehouse_root.startswith("s3://")
    with running.running("serve") as process:
        running.wait_for("serve", process)
        request = {"service": "shopping_agent", "purpose": "personalisation", "customers": customers[:100]}
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.post(f"{service}/v1/features", json=request, headers=headers, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    assert any(value is not None for one in answer.json()["customers"] for value in one["values"].values())


def test_an_event_of_an_sdk_reaches_bronze(running: Topology) -> None:
    made = running.bojagi("collect", "key", "create", "--name", "t", "--json")
    key = json.loads(made.stdout)["key"]
    event = {
        "type": "track", "event": "Product Viewed", "anonymousId": "a1", "messageId": "m1",
        "timestamp": "2017-06-01T10:00:00Z", "context": {"consent": {"categoryPreferences": {"Analytics": True}}},
    }  # fmt: skip
    with running.running("serve") as process, running.running("collect") as loader:
        running.wait_for("serve", process)
        answer = httpx.post(f"{running.address(8080)}/v1/batch", json={"batch": [event]}, auth=(key, ""))
        assert answer.status_code == 200, answer.text
        with Installation(settings_of(running)) as installation:
            lakehouse, deadline = installation.lakehouse, time.monotonic() + PATIENCE_SECONDS
            while not lakehouse.exists("bronze/tracked_event") and time.monotonic() < deadline:
                assert loader.poll() is None, running.log("collect").read_text()
                time.sleep(0.5)
            assert lakehouse.rows("bronze/tracked_event", ["message_id"])["message_id"].to_pylist() == ["m1"]
        running.wait_for("collect", loader)


def settings_of(running: Topology) -> Any:
    return load_settings(Path(running.environment["BOJAGI_CONFIG"]))
