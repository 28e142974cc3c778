"""Over HTTP, an event waits for consent; a decision in the portal brings it into the log, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.collect.consent import RULES
from installation.collector.append_log import AppendLog
from installation.collector.errors import LogFailed
from pipelines.collection.waiting import WaitingEvents
from privacy.consent.record import SUBJECT_TOKEN_KIND
from privacy.consent.service import Statement, Terms
from tests.agent_serving.collector.collecting_shop import SOURCE, collecting, logged, with_collection, without_policy
from tests.features.retrieval.feature_shop import FeatureShop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    one = with_collection(FeatureShop(tmp_path), {"protocol": "segment", "userIds": "trusted", **RULES})
    yield one
    one.close()


def send(client: httpx.Client, key: str, number: str, said: bool | None, **fields: Any) -> None:
    context = {} if said is None else {"consent": {"categoryPreferences": {"Analytics": said}}}
    message = {"type": "track", "event": "Product Added", "messageId": number, "context": context, **fields}
    assert client.post("/v1/track", json=message, auth=(key, "")).status_code == 200


def permit(shop: FeatureShop, user: str) -> None:
    service = shop.installation.consent_service()
    token = str(shop.installation.tokenizer.token(SUBJECT_TOKEN_KIND, user))
    service.take_in(service.consents([token], "analytics", Terms("portal-1", age_years=30), Statement("portal")))


def numbers(shop: FeatureShop) -> list[str]:
    return [event["messageId"] for event in logged(shop)]


def test_events_wait_at_the_door_and_are_stored_by_a_decision(
    shop: FeatureShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting(shop) as (client, key):
        send(client, key, "waits", None, anonymousId="a1")
        send(client, key, "refused", False, anonymousId="a2")
        assert numbers(shop) == []
        send(client, key, "consents", True, anonymousId="a1")
        assert numbers(shop) == ["waits", "consents"]
        send(client, key, "undecided", None, userId="M000000001")
    contract = shop.installation.contracts[SOURCE]
    with WaitingEvents(shop.installation, contract) as waiting:
        assert waiting.release() == 0
        permit(shop, "M000000001")
        with monkeypatch.context() as broken:
            broken.setattr(AppendLog, "append", lambda *_: (_ for _ in ()).throw(LogFailed("the disk is full")))
            with pytest.raises(LogFailed):
                waiting.release()
        assert waiting.release() == 1
        assert waiting.release() == 0
    assert sorted(numbers(shop)) == ["consents", "undecided", "waits"]


def test_a_source_without_policy_has_nothing_that_waits(shop: FeatureShop) -> None:
    without_policy(shop)
    with WaitingEvents(shop.installation, shop.installation.contracts[SOURCE]) as waiting:
        assert waiting.release() == 0


def test_the_built_in_source_asks_for_consent_to_analytics(tmp_path: Path) -> None:
    shop = FeatureShop(tmp_path)
    with collecting(shop) as (client, key):
        send(client, key, "undecided", None, anonymousId="a1")
        send(client, key, "refused", False, anonymousId="a2")
        assert numbers(shop) == []
        send(client, key, "consents", True, anonymousId="a3")
        assert numbers(shop) == ["consents"]
        send(client, key, "decided", True, anonymousId="a1")
        assert numbers(shop) == ["consents", "undecided", "decided"]
    shop.close()
