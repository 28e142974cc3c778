"""The quality pages: a refused file is red with its reason, there and on the start page; quarantine is paged."""

from __future__ import annotations

from datetime import UTC, timedelta

import pyarrow as pa
import pytest

from installation.installation import Installation
from installation.quality.quarantine_content import QUARANTINE
from tests.agent_serving.console.console_shop import staff

REASON = "the delimiter is ; and the contract says ,"


@pytest.fixture
def refused(installation: Installation) -> None:
    """Last night a file was refused, and 70 rows of another one, each for a reason of its own."""
    lakehouse, night = installation.lakehouse, installation.clock().astimezone(UTC).replace(tzinfo=None)
    entry = {"source": "delivery", "replayed_load_id": None, "quarantined_at": night - timedelta(hours=9)}
    whole = entry | {"file": "delivery<b>.csv", "file_id": "f1", "line": None, "column": None, "rule": "file",
                     "reason": REASON}  # fmt: skip
    rows = [
        entry | {"file": "other.csv", "file_id": "f2", "line": number, "column": "fee", "rule": "type",
                 "reason": f"reason {number:03d}", "quarantined_at": night - timedelta(days=3)}
        for number in range(1, 71)
    ]  # fmt: skip
    schema = pa.schema([("line", pa.int64()), ("quarantined_at", pa.timestamp("us")),
                        *((name, pa.string()) for name in ("source", "file", "file_id", "column", "rule", "reason",
                                                           "replayed_load_id"))])  # fmt: skip
    lakehouse.overwrite_rows(QUARANTINE, pa.Table.from_pylist([whole, *rows], schema))


def test_without_refused_files_nothing_is_red(installation: Installation, url: str) -> None:
    steward = staff(installation, url, "data_steward")
    page = steward.get("/quality").text
    assert "No file was refused." in page
    assert "run the pipeline first" in page
    assert "state bad" not in page


@pytest.mark.usefixtures("refused")
def test_a_new_user_finds_which_file_failed_last_night_and_why(installation: Installation, url: str) -> None:
    steward = staff(installation, url, "data_steward")
    start = steward.get().text
    assert "delivery&lt;b&gt;.csv" in start, "the tile names the file"
    assert 'class="bad"' in start
    page = steward.get("/quality").text
    assert '<span class="state bad">delivery&lt;b&gt;.csv</span>' in page
    assert REASON in page
    assert "9 hours" in page
    assert "3 days" in page


@pytest.mark.usefixtures("refused")
def test_every_row_in_quarantine_is_on_a_page(installation: Installation, url: str) -> None:
    steward = staff(installation, url, "data_steward")
    pages = [steward.get(f"/quality/quarantine?source=delivery&page={number}").text for number in (1, 2)]
    assert all(f"reason {number:03d}" in pages[0] + pages[1] for number in range(1, 71))
    assert "reason 070" not in pages[0]
    assert "Next page" in pages[0]
    assert "Quarantine is empty." in steward.get("/quality/quarantine?source=review").text


@pytest.mark.parametrize("role", ["marketer", "support"])
@pytest.mark.parametrize("path", ["", "/quarantine", "/bronze/delivery"])
def test_other_roles_may_not_open_them(installation: Installation, url: str, role: str, path: str) -> None:
    assert staff(installation, url, role).get(f"/quality{path}").status_code == 403


def test_tables_that_hold_are_one_line_until_they_are_asked_for(
    market_installation: Installation, market_url: str
) -> None:
    steward = staff(market_installation, market_url, "data_steward")
    assert "Customer profile (gold)" not in steward.get("/quality").text
    assert "Customer profile (gold)" in steward.get("/quality?tables=all").text
    assert steward.get("/quality/gold/customer_360").status_code == 200
    assert steward.get("/quality/gold/nothing").status_code == 404
