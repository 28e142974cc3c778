"""No value leaves that an independent evaluation forbids; with a gate removed, the same look-ups find leaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from features.retrieval.plan import RetrievalPlan
from tests.features.retrieval.random_lookup import Market


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    opened = Market(tmp_path_factory.mktemp("market"), 200, seed=18)
    with closing(opened.shop):
        yield opened


def test_random_lookups_release_what_is_allowed_and_nothing_else_also_when_parts_fail(market: Market) -> None:
    with market.reader(failing_share=0.04) as (reader, failing):
        judged = market.judge(reader.retrieve, 40_000, failing)
    assert judged.leaks == judged.faults == []
    assert min(judged.outcomes[kind] for kind in ("released", "no_consent", "objected", "restricted", "stale")) > 20
    assert min(judged.outcomes[k] for k in ("unknown_customer", "not_for_purpose", "refused", "failed")) > 500
    assert set(failing.failed) == {"select", "denials", "append"}


def test_without_the_consent_decision_the_lookups_find_leaks(market: Market) -> None:
    with market.reader(failing_share=0) as (reader, _):
        reader._consent.denials = lambda customers, purpose, at: [None] * len(customers)  # type: ignore[method-assign]
        assert market.judge(reader.retrieve, 5_000).leaks


def test_without_the_purposes_of_features_the_lookups_find_leaks(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = RetrievalPlan.__init__
    monkeypatch.setattr(
        RetrievalPlan, "__init__", lambda self, features, refused, wall: whole(self, features, set(), wall)
    )
    with market.reader(failing_share=0) as (reader, _):
        assert market.judge(reader.retrieve, 5_000).leaks


def test_with_an_audit_log_that_may_fail_the_lookups_find_leaks(market: Market) -> None:
    with market.reader(failing_share=0.04) as (reader, failing):
        whole = reader._log

        def log(*values: Any, **named: Any) -> None:
            try:
                whole(*values, **named)
            except Exception:  # noqa: BLE001 - what the control breaks on purpose
                return

        reader._log = log  # type: ignore[method-assign]
        assert market.judge(reader.retrieve, 20_000, failing).leaks
