"""Data Docs can be navigated, are self-contained and show no personal data."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from pipelines.quality.contract_check import RunContext
from pipelines.quality.data_docs import build_site
from pipelines.quality.errors import QualityError
from pipelines.quality.result import TableQuality
from pipelines.quality.validation import validate_table
from tests.engines import Engines, require_or_skip
from tests.pipelines.quality import shop

MOMENT = datetime(2017, 12, 31, 23, 0)
LINK = re.compile(r'(?:href|src)="([^"]*)"')


@pytest.fixture(scope="module")
def qualities(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> list[TableQuality]:
    engine = engines.open("sail")
    orders, product = shop.contracts(tmp_path_factory.mktemp("contracts"))
    rows = shop.with_break(shop.clean_rows(), 3, {"size": "XL", "email": shop.SECRETS[1], "quantity": 0})
    products = engine.spark.createDataFrame(shop.PRODUCTS)
    run_context = RunContext(shop.AS_OF)
    frame = shop.frame_of(engine.spark, orders, rows)
    broken = validate_table(frame.drop("code"), orders, run_context, {"silver/product": products})
    return [broken, validate_table(products, product, run_context)]


@pytest.fixture
def site(qualities: list[TableQuality], tmp_path: Path) -> Path:
    return build_site(tmp_path / "site", qualities, "load-1", MOMENT).parent


def test_every_link_leads_to_a_page_of_the_site_and_no_page_has_scripts(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) == 5
    reached = set()
    for page in pages:
        text = page.read_text("utf-8")
        for link in LINK.findall(text):
            assert not link.startswith(("http:", "https:", "//")), f"{page.name} reaches out to {link}"
            target, _, anchor = unquote(link).partition("#")
            linked = (page.parent / target).resolve() if target else page
            assert linked.exists(), f"{page.name} links to {link}"
            reached.add(linked)
            assert not anchor or f'id="{anchor}"' in linked.read_text("utf-8")
        assert "<script" not in text
    assert {page.resolve() for page in pages} <= reached


def test_pages_show_failed_checks_with_file_and_line_and_no_personal_data(site: Path) -> None:
    page = (site / "validations" / "silver.orders.html").read_text("utf-8")
    assert "size is one of its listed values" in page
    assert "size XL, source file orders.csv, line 5" in page
    assert "column code is missing" in page
    everything = "".join(path.read_text("utf-8") for path in site.rglob("*") if path.is_file())
    for secret in shop.SECRETS:
        assert secret not in everything


def test_a_later_run_keeps_the_pages_of_tables_it_did_not_check(site: Path, qualities: list[TableQuality]) -> None:
    build_site(site, qualities[1:], "load-2", MOMENT.replace(hour=1))
    index = (site / "index.html").read_text("utf-8")
    assert "silver/orders" in index
    assert "load-1" in index
    assert "load-2" in index


def test_a_site_without_checked_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QualityError, match="no table was checked yet"):
        build_site(tmp_path / "site", [], "load-1", MOMENT)


@pytest.mark.browser
def test_a_browser_shows_the_index_without_a_network(site: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        require_or_skip("browser", "chromium is not installed")
        return
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--dump-dom",
        f"--user-data-dir={tmp_path}",
    ]
    page = f"{(site / 'validations' / 'silver.orders.html').as_uri()}"
    shown = subprocess.run([*command, page], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "size is one of its listed values" in shown
