"""A steward decides on identity in the console: recorded as `bojagi identity` records it, and by nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from agent_serving.application import create_app
from agent_serving.request_limit import RateLimit
from installation.installation import Installation
from pipelines.steward.opening import ConsoleSteward, steward_service
from tests.agent_serving.console.console_shop import staff
from tests.agent_serving.serving_shop import served_app


@pytest.fixture(scope="module")
def steward_url(market_installation: Installation) -> Iterator[str]:
    app = create_app(market_installation, partial(ConsoleSteward, market_installation))
    app.state.services.console.rate = app.state.services.console.stranger_rate = RateLimit(100_000)
    with served_app(app) as url:
        yield url


@pytest.fixture
def customers(market_installation: Installation) -> list[str]:
    """Customers with a member number, of whom no two are one person."""
    where = "token_kind = 'member_no'"
    rows = market_installation.lakehouse.rows("silver/identifier", ["customer_id"], where)
    return sorted(set(rows["customer_id"].to_pylist()))


def test_a_decision_is_recorded_with_its_reason_and_steward(
    market_installation: Installation, steward_url: str, customers: list[str]
) -> None:  # fmt: skip
    first, second = customers[:2]
    browser = staff(market_installation, steward_url, "data_steward")
    path = f"/customer/{first}/identity"
    assert browser.get(path).status_code == 200
    answer = browser.post(path, other=second, verdict="same", reason="called on 1 December")
    assert (answer.status_code, "The decision is recorded" in answer.text) == (200, True)
    (made,) = [one for one in steward_service(market_installation, "x").decisions() if one.reason.startswith("called")]
    assert (made.verdict, made.decided_by) == ("same", "data_steward")
    assert {made.left_customer_id, made.right_customer_id} == {first, second}
    assert "called on 1 December" in browser.get(path).text


@pytest.mark.parametrize(
    ("other", "status"), [("c_nobody", 422), ("member_no:' OR 1=1", 422), ("<script>alert(1)</script>", 422), ("", 422)]
)
def test_a_decision_about_nobody_is_refused_with_the_reason(
    market_installation: Installation, steward_url: str, customers: list[str], other: str, status: int
) -> None:  # fmt: skip
    browser = staff(market_installation, steward_url, "data_steward")
    path = f"/customer/{customers[2]}/identity"
    browser.get(path)
    before = len(steward_service(market_installation, "x").decisions())
    answer = browser.post(path, other=other, verdict="different", reason="no")
    assert answer.status_code == status
    assert "<script>alert" not in answer.text
    assert len(steward_service(market_installation, "x").decisions()) == before


def test_only_a_steward_decides_and_only_on_events_of_the_customer(
    market_installation: Installation, steward_url: str, customers: list[str]
) -> None:  # fmt: skip
    path = f"/customer/{customers[3]}/identity"
    officer = staff(market_installation, steward_url, "privacy_officer", "quality_assurance")
    shown = officer.get(path)
    assert (shown.status_code, "<h2>Decide</h2>" in shown.text) == (200, False)
    officer.get("/purpose")
    assert officer.post(path, other=customers[4], verdict="same", reason="no").status_code == 403
    browser = staff(market_installation, steward_url, "data_steward")
    browser.get(path)
    assert browser.post(f"{path}/revert", event="e_0123456789abcdef", reason="no").status_code == 422
