"""A shop with a console that is served: shared by the tests of one file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.insight.audience import service
from features.insight.audience.difference import SizeAudit
from installation.installation import Installation
from installation.settings import load_settings
from tests.agent_serving.console.console_shop import StaffBrowser, add_accounts, console_of
from tests.agent_serving.serving_shop import fill
from tests.features.retrieval.feature_shop import FeatureShop

FIXED_KEY = bytes([1]) * 32


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    shop = FeatureShop(tmp_path_factory.mktemp("console"))
    fill(shop)
    add_accounts(shop.installation)
    yield shop.installation
    shop.close()


@pytest.fixture(scope="module")
def url(installation: Installation) -> Iterator[str]:
    with console_of(installation) as address:
        yield address


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a market of 150 households after a whole run, in which segments and scores have rows.

    While pages are written, `CONSOLE_MARKET` names a folder that was made before, which spares minutes.
    """
    if made := os.environ.get("CONSOLE_MARKET"):
        return Path(made)
    data = tmp_path_factory.mktemp("console_market")
    for command in (("simulate", "--households", "150", "--out", str(data)), ("run", "--data", str(data))):
        subprocess.run([sys.executable, "-m", "pipelines.cli", *command], check=True, capture_output=True)
    return data


@pytest.fixture(scope="session")
def market_installation(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The market with an account of each role, as a copy: views are logged in it.

    Sizes of audiences are compared under a fixed key. Under a random one, the bound drawn for a rule may be above the
    few customers of this market, and every test that asks for a size fails by chance.
    """
    data = tmp_path_factory.mktemp("console") / "data"
    shutil.copytree(market, data, ignore=shutil.ignore_patterns("landing", "truth", "dagster", "quality/site"))
    with Installation(load_settings(data_dir=data)) as installation, pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "SizeAudit", lambda _: SizeAudit(FIXED_KEY))
        add_accounts(installation)
        yield installation


@pytest.fixture(scope="session")
def market_url(market_installation: Installation) -> Iterator[str]:
    """The address of the served market."""
    with console_of(market_installation) as address:
        yield address


@pytest.fixture(autouse=True)
def _browsers() -> Iterator[None]:
    """Close the browsers of a test."""
    yield
    while StaffBrowser.opened:
        StaffBrowser.opened.pop().close()
