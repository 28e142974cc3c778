"""The pages of experiments say what the service says, for the purpose of the session, and show no customer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest
import yaml

from features.experiment.service import Experiments
from features.experiment.verdict import Answer
from features.retrieval.answer import Caller
from installation.installation import Installation
from tests.agent_serving.console.console_shop import sign_in, staff
from tests.agent_serving.web.chromium import browser, faults, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
ID = re.compile(r"\b[cp]_[a-z2-7]{26}\b")
ANALYST = Caller("kim", "analyst")
START = date(2017, 11, 20)


@pytest.fixture(scope="module")
def experiment(market_installation: Installation) -> Iterator[str]:
    """An experiment on all customers since November, judged at the end of the market's year."""
    document = {
        "name": "basket", "purpose": "analytics", "start": START, "days": 28, "least_customers": 10,
        "metric": {"name": "spend", "unit": "USD", "source": "orders"},
        "guardrails": [{"name": "complaints", "most_increase": 0.1}],
        "variants": [{"name": "control", "version": "popular/1", "share": 0.5},
                     {"name": "new", "version": "hybrid/1", "share": 0.5}],
    }  # fmt: skip
    settings = market_installation.settings.model_copy(update={"run_date": START})
    customers = market_installation.lakehouse.rows("silver/customer", ["customer_id"])["customer_id"].to_pylist()
    with Installation(settings) as then, Experiments(then) as experiments:
        experiments.create(yaml.safe_dump(document), ANALYST)
        experiments.create(yaml.safe_dump(document | {"name": "other", "purpose": "personalisation"}),
                           Caller("li", "marketer"))  # fmt: skip
        assert sum(one is not None for one in experiments.assign("basket", customers)) > 40
    yield "basket"
    with Experiments(market_installation) as experiments:
        for name, caller in (("basket", ANALYST), ("other", Caller("li", "marketer"))):
            experiments.stop(name, "the test is over", caller)


def test_the_page_tells_what_the_service_says(
    market_installation: Installation, market_url: str, experiment: str
) -> None:
    with Experiments(market_installation) as experiments:
        (verdict,) = experiments.report(experiment, ANALYST).verdicts
    visitor = staff(market_installation, market_url, "analyst")
    listed = visitor.get("/experiment").text
    assert f'href="/console/experiment/{experiment}"' in listed
    assert "Experiments for other purposes: 1" in listed
    page = visitor.get(f"/experiment/{experiment}").text
    assert verdict.answer in (Answer.UNDECIDED, Answer.BETTER, Answer.WORSE)
    assert verdict.estimate is not None
    assert f"{verdict.estimate:+.4g}" in page
    assert verdict.answer.value in page
    assert re.search(r"complaints</td>\s*<td[^>]*><span class=\"state warn\">no figures", page)
    assert not ID.search(page)
    entry = [one for _, one in market_installation.audit_log.entries() if one.action == "report"][-1]
    assert (entry.who, entry.identity, entry.table) == ("analyst", "authenticated", f"experiment/{experiment}")


def test_another_purpose_and_another_role_may_not_look(
    market_installation: Installation, market_url: str, experiment: str
) -> None:
    marketer = staff(market_installation, market_url, "marketer")
    assert experiment not in marketer.get("/experiment").text
    assert marketer.get(f"/experiment/{experiment}").status_code == 403
    assert marketer.get("/experiment/nothing").status_code == 404
    assert staff(market_installation, market_url, "support").get("/experiment").status_code == 403


@pytest.mark.browser
def test_the_page_is_readable_in_both_languages_and_sizes(
    market_installation: Installation, market_url: str, browser: Browser, experiment: str
) -> None:
    found = []
    for width, locale, scheme in ((360, "en-US", "light"), (1280, "ko-KR", "dark")):
        with page_of(browser, viewport={"width": width, "height": 900}, locale=locale, color_scheme=scheme) as page:
            sign_in(market_installation, market_url, page, "analyst")
            for path in ("/experiment", f"/experiment/{experiment}"):
                page.goto(f"{market_url}/console{path}")
                found += faults(page, with_width=width)
    assert found == []
