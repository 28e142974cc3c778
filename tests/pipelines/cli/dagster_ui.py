"""Serves Dagster's UI with `bojagi ui`, drives it in Chromium and takes pictures.

The README's pictures: `python -m tests.pipelines.cli.dagster_ui data docs/images` after `bojagi run`.
"""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_SECONDS = 180
# The graph draws only the nodes in view: which of the customer tables these are is up to its layout.
GOLD_NODE = re.compile("^customer_")


@contextmanager
def served(data: Path) -> Iterator[str]:
    """Serve the UI of a data folder on a free port and give its address."""
    with started(data) as (_, address):
        yield address


@contextmanager
def started(data: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start `bojagi ui` on a free port and give its process and its address once it answers; end it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "pipelines.cli", "ui", "--port", str(port), "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/server_info", process)
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(address: str, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.5)
    process.kill()
    output = process.stdout.read() if process.stdout else ""
    raise TimeoutError(f"{address} did not answer:\n{output}")


@contextmanager
def browser_page(width: int = 1600, height: int = 1000) -> Iterator["Page"]:
    """Open a page in headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        try:
            yield page
        finally:
            browser.close()


def show_graph(page: "Page", address: str) -> None:
    """Open the asset graph with the gold layer unfolded, the others as one node each."""
    page.goto(f"{address}/asset-groups?expanded=global%40global%3Agold")
    page.get_by_text(GOLD_NODE).first.wait_for()


def show_run(page: "Page", address: str, run_id: str) -> None:
    """Open a run."""
    page.goto(f"{address}/runs/{run_id}")
    page.get_by_text(run_id[:8]).first.wait_for()
    page.get_by_text("Success", exact=True).first.wait_for()


def show_job_runs(page: "Page", address: str, job: str) -> None:
    """Open the list of a job's runs."""
    page.goto(f"{address}/locations/pipelines.definitions/jobs/{job}/runs")
    page.get_by_text("Launched by").first.wait_for()
    page.get_by_text("Success", exact=True).first.wait_for()


def show_timeline(page: "Page", address: str, job: str) -> None:
    """Open the timeline of the jobs, with a line for this one."""
    page.goto(f"{address}/overview/activity/timeline")
    page.get_by_text("pipelines.definitions").first.wait_for()
    page.get_by_text(job, exact=True).first.wait_for()


def runs_of_location(address: str, location: str) -> dict[str, list[str]]:
    """Return the runs that the server lists under each job of a code location; the bars of the timeline are these."""
    query = "{repositoriesOrError{... on RepositoryConnection{nodes{location{name} pipelines{name runs{runId}}}}}}"
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        nodes = json.load(answer)["data"]["repositoriesOrError"]["nodes"]
    jobs = (job for node in nodes if node["location"]["name"] == location for job in node["pipelines"])
    return {job["name"]: [run["runId"] for run in job["runs"]] for job in jobs}


def show_check(page: "Page", address: str, table: str, check: str) -> None:
    """Open the newest result of a table's check, with its table of rules."""
    page.goto(f"{address}/assets/{table}?view=checks&checkDetail={check}")
    page.get_by_text("Evaluation result").wait_for()


def picture(page: "Page", path: Path) -> None:
    """Save what the page shows once it stands still."""
    page.wait_for_timeout(3000)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(path))


def main(data: Path, folder: Path) -> None:
    """Take the README's pictures of a data folder."""
    with served(data) as address, browser_page() as page:
        show_graph(page, address)
        picture(page, folder / "asset-graph.png")
        show_check(page, address, "silver/customer", "values")
        picture(page, folder / "asset-check.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
