"""No value leaves over HTTP that an independent evaluation forbids, also when parts fail at random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from agent_serving.application import create_app
from agent_serving.request_limit import RateLimit
from features.client import ClientError, FeatureClient
from features.retrieval.answer import Caller, FeatureAnswer
from features.retrieval.reader import FeatureReader
from privacy.access.errors import AccessRefused
from tests.agent_serving.serving_shop import key_of, served
from tests.features.retrieval.random_lookup import CALLERS, Market, Retrieve


@contextmanager
def over_http(market: Market, reader: FeatureReader) -> Iterator[Retrieve]:
    """Serve a reader of the market; yield `retrieve` of clients with a key for each caller and all of its purposes."""
    app = create_app(market.shop.installation)
    app.state.services.features, app.state.services.rate = reader, RateLimit(10**9)
    with ExitStack() as opened:
        address = str(opened.enter_context(served(market.shop, app=app)).base_url)
        clients = {
            caller: opened.enter_context(FeatureClient(address, key_of(market.shop, caller, *purposes), timeout=60))
            for caller, purposes in CALLERS.items()
        }

        def retrieve(customers: Sequence[str], service: str, purpose: str, caller: Caller) -> FeatureAnswer:
            try:
                return clients[caller].retrieve(customers, service, purpose)
            except ClientError as error:
                if error.status == 403:
                    raise AccessRefused(str(error)) from error
                if error.status == 503:
                    raise
                raise RuntimeError(f"a status that no failure explains: {error.status}") from error

        yield retrieve


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    opened = Market(tmp_path, 200, seed=58)
    with closing(opened.shop):
        yield opened


def test_random_lookups_over_http_release_what_is_allowed_and_nothing_else(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.client.MOST_ATTEMPTS", 1)
    with market.reader(failing_share=0.04) as (reader, failing), over_http(market, reader) as retrieve:
        judged = market.judge(retrieve, 20_000, failing)
    assert judged.leaks == judged.faults == []
    assert min(judged.outcomes[kind] for kind in ("released", "no_consent", "refused", "failed")) > 100


def test_without_the_consent_decision_the_lookups_over_http_find_leaks(market: Market) -> None:
    with market.reader(failing_share=0) as (reader, _), over_http(market, reader) as retrieve:
        reader._consent.denials = lambda customers, purpose, at: [None] * len(customers)  # type: ignore[method-assign]
        assert market.judge(retrieve, 5_000).leaks
