from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.cli.exit_code import ExitCode
from tests.engines import require_or_skip
from tests.pipelines.cli import dagster_ui
from tests.pipelines.cli.conftest import Bojagi

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LAYERS = ("bronze", "silver", "gold")


@pytest.fixture(scope="module")
def address(finished: tuple[Bojagi, Any]) -> Iterator[str]:
    if not dagster_ui.CHROMIUM.exists():
        require_or_skip("browser", f"{dagster_ui.CHROMIUM} is not installed (apt-get install chromium)")
    with dagster_ui.served(finished[0].data) as address:
        yield address


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Any]:
    with dagster_ui.browser_page() as page:
        yield page


def test_the_asset_graph_shows_every_layer(page: Any, address: str, tmp_path: Path) -> None:
    dagster_ui.show_graph(page, address)
    for name in LAYERS:
        assert page.get_by_text(name, exact=True).count() > 0, name
    dagster_ui.picture(page, tmp_path / "asset-graph.png")
    assert (tmp_path / "asset-graph.png").stat().st_size > 20_000


def test_a_finished_run_is_shown_as_a_success(page: Any, address: str, finished: tuple[Bojagi, Any]) -> None:
    run = finished[0].json("status")["last_run"]
    dagster_ui.show_run(page, address, run["run_id"])
    assert page.get_by_text("Failure", exact=True).count() == 0


def test_the_job_page_lists_the_run_of_the_command_line(page: Any, address: str, finished: tuple[Bojagi, Any]) -> None:
    run = finished[0].json("status")["last_run"]
    dagster_ui.show_job_runs(page, address, "refresh")
    assert page.get_by_text(run["run_id"][:8]).count() > 0


def test_the_timeline_shows_the_run_of_the_command_line_under_its_job(
    page: Any, address: str, finished: tuple[Bojagi, Any]
) -> None:
    dagster_ui.show_timeline(page, address, "refresh")
    run = finished[0].json("status")["last_run"]
    assert run["run_id"] in dagster_ui.runs_of_location(address, "pipelines.definitions")["refresh"]


def test_a_check_lists_its_rules(page: Any, address: str) -> None:
    dagster_ui.show_check(page, address, "silver/customer", "values")
    page.get_by_text("customer_id is never null").first.wait_for()
    assert page.get_by_text("Passed", exact=True).count() > 0


def test_the_page_of_a_source_shows_its_freshness_policy(page: Any, address: str) -> None:
    page.goto(f"{address}/assets/bronze/region")
    page.get_by_text("Freshness policy").first.wait_for()
    page.get_by_text("Fails if more than a year since last materialization").first.wait_for()


def test_sigterm_ends_the_ui_with_all_its_processes(tmp_path: Path) -> None:
    with dagster_ui.started(tmp_path) as (process, _):
        descendants = psutil.Process(process.pid).children(recursive=True)
        commands = [" ".join(one.cmdline()) for one in descendants]
        for part in ("dagster_webserver", "dagster._daemon", "code-server"):
            assert any(part in command for command in commands), commands
        process.terminate()
        assert process.wait(timeout=60) == ExitCode.TERMINATED
    assert not [one for one in descendants if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
