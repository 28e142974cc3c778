"""Charts: each kind is drawn under the content policy from its table, and the table remains without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response

from agent_serving.console.chart import Chart, ChartKind
from agent_serving.console.visit import Visit
from installation.installation import Installation
from privacy.rights.wording import Wording
from tests.agent_serving.console.console_shop import sign_in
from tests.agent_serving.console.sample_page import sample_page
from tests.agent_serving.web.chromium import browser, faults, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
SERIES = (
    (Wording("Week", "주"), Wording("Web", "웹"), Wording("Store", "매장")),
    [("1", 3, 4.5), ("2", None, 8), ("3", 5, 1)],
)
FLOW = (
    (Wording("From", "출발"), Wording("To", "도착"), Wording("People", "명")),
    [("<b>web</b>", "cart", 30), ("app", "cart", 12), ("cart", "order", 20)],
)
STEPS = ((Wording("Step", "단계"), Wording("People", "명")), [("visit", 100), ("cart", 40), ("order", 10)])
FIGURES = {**dict.fromkeys(ChartKind, SERIES), ChartKind.SANKEY: FLOW, ChartKind.HEAT: FLOW, ChartKind.FUNNEL: STEPS}


TEMPLATE = """{% extends "layout.html.j2" %}{% from "part.html.j2" import chart with context %}
{% block title %}Sample{% endblock %}
{% block content %}<h1>Sample</h1>{% for one in charts %}{{ chart("c" ~ loop.index, one) }}{% endfor %}{% endblock %}"""


def show(visit: Visit) -> Response:
    charts = [Chart(kind, Wording(f"Sample {kind}", f"예시 {kind}"), *FIGURES[kind], height=12) for kind in ChartKind]
    return visit.render("sample", charts=charts)


@pytest.fixture(scope="module")
def sample(installation: Installation) -> Iterator[str]:
    """The address of a console with a page that has a chart of each kind."""
    with sample_page(installation, "/sample", show, "home", TEMPLATE) as url:
        yield url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_kind_is_drawn_from_its_table(
    installation: Installation, sample: str, browser: Browser, scheme: Any, tmp_path: Path
) -> None:
    with page_of(browser, viewport={"width": 1280, "height": 900}, color_scheme=scheme) as page:
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        sign_in(installation, sample, page, "analyst")
        page.goto(f"{sample}/console/sample")
        for kind in ChartKind:
            figure = page.locator(f"figure[data-chart={kind}]")
            figure.locator("canvas").first.wait_for()
            figure.locator(".plot").hover()
            assert figure.get_attribute("data-drawn") == kind
        page.screenshot(path=tmp_path / f"chart-{scheme}.png", full_page=True)
        assert (faults(page, with_width=1280), told) == ([], [])


def test_the_figures_remain_without_javascript(installation: Installation, sample: str, browser: Browser) -> None:
    with page_of(browser, java_script_enabled=False) as page:
        sign_in(installation, sample, page, "analyst")
        page.goto(f"{sample}/console/sample")
        assert page.locator("figure table").count() == len(ChartKind)
        assert page.locator("canvas").count() == 0
        assert page.locator("figure td").first.is_visible()
