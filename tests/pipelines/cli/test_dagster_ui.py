from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines import require_or_skip
from tests.pipelines.cli import dagster_ui
from tests.pipelines.cli.conftest import Bojagi

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("market")]
TABLES = ("crm_customer", "touchpoint_event", "customer_360", "quality_metric")


@pytest.fixture(scope="module")
def address(finished: tuple[Bojagi, Any]) -> Iterator[str]:
    if not dagster_ui.CHROMIUM.exists():
        require_or_skip("browser", f"{dagster_ui.CHROMIUM} is not installed (apt-get install chromium)")
    with dagster_ui.served(finished[0].data) as address:
        yield address


@pytest.fixture
def page(address: str) -> Iterator[Any]:
    with dagster_ui.browser_page() as page:
        yield page


def test_the_asset_graph_renders(page: Any, address: str, tmp_path: Path) -> None:
    dagster_ui.show_graph(page, address)
    for table in TABLES:
        assert page.get_by_text(table, exact=True).count() > 0, table
    dagster_ui.picture(page, tmp_path / "asset-graph.png")
    assert (tmp_path / "asset-graph.png").stat().st_size > 20_000


def test_the_run_is_green(page: Any, address: str, finished: tuple[Bojagi, Any]) -> None:
    run = finished[0].json("status")["last_run"]
    dagster_ui.show_run(page, address, run["run_id"])
    assert page.get_by_text("Failure", exact=True).count() == 0


def test_a_check_can_be_read(page: Any, address: str) -> None:
    dagster_ui.show_check(page, address, "silver/customer", "values")
    page.get_by_text("customer_id is never null").first.wait_for()
    assert page.get_by_text("Passed", exact=True).count() > 0
