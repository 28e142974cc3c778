"""The SDKs of Segment and RudderStack, from their registries, send to the collector by another host alone."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from installation.collector.append_log import AppendLog
from installation.collector.errors import LogFailed
from tests.agent_serving.collector.collecting_shop import collecting, logged, without_policy
from tests.agent_serving.collector.sdk import environment
from tests.engines import require_or_skip
from tests.features.retrieval.feature_shop import FeatureShop
from tests.pipelines.cli.dagster_ui import CHROMIUM, FLAGS

pytestmark = [pytest.mark.sdk, pytest.mark.slow]
SCRIPTS = Path(__file__).parent / "sdk"
SENDERS = ("segment.analytics", "rudderstack.analytics", "@segment/analytics-node", "@rudderstack/rudder-sdk-node")
COUNT = 45


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    one = without_policy(FeatureShop(tmp_path))
    yield one
    one.close()


def send(sender: str, client: httpx.Client, key: str, count: int = COUNT) -> str:
    """Send that many track calls and one identify call with an SDK; return what it prints about errors."""
    arguments = [sender, str(client.base_url).rstrip("/"), key, str(count)]
    if sender.startswith("@"):
        home = environment.node_home()
        script = shutil.copy(SCRIPTS / "node.js", home / "node.js")
        command = ["node", str(script), *arguments]
    else:
        command = [str(environment.python()), str(SCRIPTS / "segment_python.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(events: list[dict[str, Any]]) -> Counter[int]:
    return Counter(event["properties.product_id"] for event in events if event["type"] == "track")


@pytest.mark.parametrize("sender", SENDERS)
def test_every_event_of_a_server_sdk_is_stored_once(shop: FeatureShop, sender: str) -> None:
    with collecting(shop) as (client, key):
        assert send(sender, client, key) == ""
        events = logged(shop)
    assert numbers(events) == dict.fromkeys(range(COUNT), 1)
    assert {event["event"] for event in events if event["type"] == "track"} == {"상품 조회 🧺"}
    (person,) = [event for event in events if event["type"] == "identify"]
    assert (person["userId"], person["traits.email"], person["channel"]) == ("M000000001", "kim@shop.example", "server")
    # The SDK's clock is that of this machine, the shop's another: the difference is corrected to within the sending.
    received = {event["receivedAt"][:16] for event in events}
    assert {event["timestamp"][:14] for event in events} <= {moment[:14] for moment in received} | {"2026-05-04T02:"}


@pytest.mark.parametrize("sender", SENDERS)
def test_an_sdk_sends_again_after_a_failure(shop: FeatureShop, sender: str, monkeypatch: pytest.MonkeyPatch) -> None:
    append, failures = AppendLog.append, iter((LogFailed("the disk is full"), OSError("gone")))

    def flaky(log: AppendLog, lines: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return append(log, lines)

    monkeypatch.setattr(AppendLog, "append", flaky)
    with collecting(shop) as (client, key):
        send(sender, client, key, 3)
        assert numbers(logged(shop)) == {0: 1, 1: 1, 2: 1}
    assert next(failures, None) is None


@pytest.mark.parametrize("sender", SENDERS)
def test_a_wrong_write_key_is_told_to_the_sender(shop: FeatureShop, sender: str) -> None:
    with collecting(shop) as (client, _):
        assert "401" in send(sender, client, "wrong", 1)
        assert logged(shop) == []


@contextmanager
def web_page() -> Iterator[str]:
    """Serve the browser SDKs and an empty page, as a web shop on another origin would; yield the page's address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Log nothing."""

    home = environment.node_home()
    (home / "shop.html").write_text("<!doctype html><title>shop</title>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(home))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


SEGMENT = """async ([key, host]) => {
  const client = AnalyticsNext.AnalyticsBrowser.load({ writeKey: key, cdnURL: host });
  await client.page("front");
  await client.identify("M000000001", { email: "kim@shop.example" });
  await client.track("Product Viewed", { product_id: "77" });
}"""
RUDDER = """async ([key, host]) => {
  const client = new rudderanalytics.RudderAnalytics();
  client.load(key, host, { configUrl: host, lockIntegrationsVersion: true, lockPluginsVersion: true });
  client.page("front");
  client.identify("M000000001", { email: "kim@shop.example" });
  client.track("Product Viewed", { product_id: "77" });
}"""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ("@segment/analytics-next/dist/umd/index.js", SEGMENT),
        ("@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js", RUDDER),
    ],
    ids=["segment", "rudderstack"],
)
def test_a_browser_sdk_sends_from_another_origin(shop: FeatureShop, script: str, calls: str) -> None:
    if not CHROMIUM.exists():
        require_or_skip("browser", f"{CHROMIUM} is not installed (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    with collecting(shop) as (client, key), web_page() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{url}/shop.html")
        page.add_script_tag(url=f"/node_modules/{script}")
        page.evaluate(calls, [key, str(client.base_url).rstrip("/")])
        for _ in range(200):
            if len(logged(shop)) >= 3:
                break
            page.wait_for_timeout(100)
        browser.close()
        events = {event["type"]: event for event in logged(shop)}
    assert events.keys() == {"page", "identify", "track"}
    assert {event["channel"] for event in events.values()} == {"web"}
    assert len({event["visitorId"] for event in events.values()}) == 1
    assert events["identify"]["traits.email"] == "kim@shop.example"
    assert (events["track"]["userId"], events["track"]["properties.product_id"]) == ("M000000001", "77")
    assert events["page"]["context.page.path"] == "/shop.html"
    hosts = {httpx.URL(one).netloc for one in asked}
    assert hosts == {httpx.URL(url).netloc, client.base_url.netloc}, "the SDK asked another server"
