"""Conversations over HTTP: who may hold one, what refuses a message, and many at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from agent_serving.conversation import opening
from agent_serving.services import open_api_keys
from bench.agent.agent_shop import fill_index
from tests.agent_serving.serving_shop import PERMITS, key_of, served
from tests.features.retrieval.feature_shop import OFFICER, FeatureShop

RESTRICTS = "c_restricts"
ASKS = {"message": "나이키 매장 몇 층이에요?"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureShop]:
    one = FeatureShop(tmp_path_factory.mktemp("chat"))
    one.store(())
    fill_index(one.installation)
    yield one
    one.close()


@pytest.fixture(scope="module")
def client(shop: FeatureShop) -> Iterator[httpx.Client]:
    with served(shop) as found:
        yield found


def events_of(answer: httpx.Response) -> list[tuple[str, Any]]:
    """Return the names and contents of the events of an answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [event.split("\n") for event in answer.text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def opened(client: httpx.Client, **wanted: str) -> dict[str, str]:
    answer = client.post("/v1/chat/sessions", json=wanted)
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


def of_page(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_key_holds_a_conversation_over_several_messages(client: httpx.Client) -> None:
    first = events_of(client.post("/v1/chat", json=ASKS))
    assert [name for name, _ in first][0::3][0] == "session"
    assert first[-1][0] == "done"
    assert any("4층" in data["text"] for name, data in first if name == "text")
    session = first[0][1]["session"]
    second = events_of(client.post("/v1/chat", json=ASKS | {"session": session}))
    assert second[0][1]["session"] == session
    kept = client.get(f"/v1/chat/sessions/{session}").json()
    assert [turn["message"] for turn in kept] == [ASKS["message"]] * 2
    assert client.delete(f"/v1/chat/sessions/{session}").status_code == 204
    assert client.get(f"/v1/chat/sessions/{session}").status_code == 404


def test_a_page_continues_its_session_by_its_token_and_no_other(client: httpx.Client) -> None:
    mine, other = opened(client, customer=PERMITS), opened(client)
    assert mine["page"] == f"/chat#{mine['token']}"
    page = of_page(mine["token"])
    assert events_of(client.post("/v1/chat", json=ASKS, headers=page))[0][1]["session"] == mine["session"]
    for more in ({"session": other["session"]}, {"customer": "c_other"}, {"branch": "gangnam"}):
        assert client.post("/v1/chat", json=ASKS | more, headers=page).status_code == 422
    assert client.get(f"/v1/chat/sessions/{other['session']}", headers=page).status_code == 404
    assert len(client.get("/v1/chat/sessions/current", headers=page).json()) == 1
    # A page's token is no key: it opens nothing else.
    assert client.post("/v1/features", json={}, headers=page).status_code == 401
    assert client.post("/v1/chat/sessions", json={}, headers=page).status_code == 401
    assert client.delete("/v1/chat/sessions/current", headers=page).status_code == 204
    assert client.post("/v1/chat", json=ASKS, headers=page).status_code == 401


def test_another_caller_s_session_and_an_unknown_one_get_the_same_answer(
    shop: FeatureShop, client: httpx.Client
) -> None:
    session = opened(client)["session"]
    stranger = {"Authorization": f"Bearer {key_of(shop)}"}
    answers = [
        client.get(f"/v1/chat/sessions/{name}", headers=stranger) for name in (session, f"v_{'0' * 32}")
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_a_customer_who_restricts_the_processing_has_no_history(shop: FeatureShop, client: httpx.Client) -> None:
    session = opened(client, customer=RESTRICTS)["session"]
    events_of(client.post("/v1/chat", json=ASKS | {"session": session}))
    assert len(client.get(f"/v1/chat/sessions/{session}").json()) == 1
    shop.state(RESTRICTS, "restricted", "service_delivery")
    for _ in range(200):
        if not (kept := client.get(f"/v1/chat/sessions/{session}").json()):
            break
    assert kept == []


def test_a_page_ends_with_the_key_that_opened_it(shop: FeatureShop, client: httpx.Client) -> None:
    key = key_of(shop)
    token = client.post("/v1/chat/sessions", json={}, headers={"Authorization": f"Bearer {key}"}).json()["token"]
    assert client.get("/v1/chat/sessions/current", headers=of_page(token)).status_code == 200
    with closing(open_api_keys(shop.installation)) as keys:
        keys.revoke(key.split("_")[1])
    assert client.get("/v1/chat/sessions/current", headers=of_page(token)).status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "invalid_json"), ("{}", 422, "invalid_request"), ('{"message": ""}', 422, "invalid_request"),
        (json.dumps({"message": "가" * 2001}), 422, "message_too_long"),
        (json.dumps({"message": "a" * 1_000_000}), 422, "message_too_long"),
        (json.dumps({"message": "a" * 1_100_000}), 413, "body_too_large"),
        (json.dumps(ASKS | {"branch": "atlantis"}), 404, "unknown_branch"),
        (json.dumps(ASKS | {"customer": "' OR 1=1 --"}), 422, "invalid_request"),
        (json.dumps(ASKS | {"session": f"v_{'0' * 32}"}), 404, "unknown_session"),
        (json.dumps(ASKS | {"language": "xx"}), 422, "invalid_request"),
        (json.dumps(ASKS | {"role": "system"}), 422, "invalid_request"),
    ],
)  # fmt: skip
def test_a_faulty_message_gets_a_precise_error(client: httpx.Client, body: str, status: int, code: str) -> None:
    answer = client.post("/v1/chat", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_only_the_agent_s_role_converses(shop: FeatureShop, client: httpx.Client) -> None:
    officer = {"Authorization": f"Bearer {key_of(shop, OFFICER, 'personalisation')}"}
    assert client.post("/v1/chat", json=ASKS, headers=officer).status_code == 403
    assert client.post("/v1/chat", json=ASKS, headers={"Authorization": ""}).status_code == 401


def test_fifty_conversations_at_once_are_all_answered(client: httpx.Client) -> None:
    async def hold() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers, timeout=60) as many:
            return await asyncio.gather(*(many.post("/v1/chat", json=ASKS) for _ in range(50)))

    found = [events_of(answer) for answer in asyncio.run(hold())]
    assert {events[-1][0] for events in found} == {"done"}
    assert len({events[0][1]["session"] for events in found}) == 50


def test_turns_and_tokens_are_counted(client: httpx.Client) -> None:
    client.post("/v1/chat", json=ASKS)
    metrics = client.get("/metrics").text
    assert 'bojagi_chat_turns_total{answered_by="rules",intent="find_information"}' in metrics
    assert "bojagi_chat_first_sentence_seconds_bucket" in metrics
    assert "나이키" not in metrics


def test_the_page_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/chat", headers={"Authorization": ""})
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in ("chat.css", "chat.js"):
        assert f"/chat/{name}" in page.text
        assert client.get(f"/chat/{name}").status_code == 200
    assert client.get("/chat/..%2Ferrors.py").status_code == 404


def test_the_application_serves_without_the_packages_of_the_agent(
    shop: FeatureShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PACKAGES", ("a_package_that_is_not_installed",))
    with served(shop) as bare:
        answer = bare.post("/v1/chat", json=ASKS)
        assert (answer.status_code, answer.json()["code"]) == (501, "agent_not_installed")
        assert bare.get("/v1/feature-services").status_code == 200
