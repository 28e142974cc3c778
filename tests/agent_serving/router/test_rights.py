"""Requests over HTTP: the steps of an officer's program, what an agent's key may do, and precise refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.agent_serving.serving_shop import PERMITS, WITHDREW, fill, key_of, served
from tests.features.retrieval.feature_shop import AGENT, OFFICER, FeatureShop

ASKED = {"right": "access", "customer_id": PERMITS, "channel": "letter"}
UNKNOWN = "q_" + "0" * 32


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureShop]:
    one = FeatureShop(tmp_path_factory.mktemp("rights"))
    fill(one)
    yield one
    one.close()


@pytest.fixture(scope="module")
def client(shop: FeatureShop) -> Iterator[httpx.Client]:
    """A client with a privacy officer's key."""
    with served(shop, key_of(shop, OFFICER, "legal_records")) as found:
        yield found


def agent(shop: FeatureShop) -> dict[str, str]:
    return {"Authorization": f"Bearer {key_of(shop, AGENT)}"}


def asked(client: httpx.Client, **changes: Any) -> str:
    answer = client.post("/v1/rights/requests", json=ASKED | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["request"]["id"])


def test_a_request_goes_from_letter_to_approval(client: httpx.Client, shop: FeatureShop) -> None:
    number = asked(client, statement="name of a person", contact="a@b.example")
    path = f"/v1/rights/requests/{number}"
    assert client.post(f"{path}/approval").json()["code"] == "wrong_state"
    proof = {"method": "passport_seen", "evidence": "a" * 64}
    assert client.post(f"{path}/proof", json=proof).json()["state"] == "verified"
    assert client.post(f"{path}/extension", json={"reason": "Many tables.", "until": "2026-06-30"}).json()["extensions"]
    assert client.post(f"{path}/approval").json()["state"] == "approved"
    shown = client.get(path)
    assert [event["kind"] for event in shown.json()["events"]] == [
        "submitted", "identity_verified", "extended", "approved"
    ]  # fmt: skip
    assert shown.json()["request"]["channel"] == "letter"
    for text in (PERMITS, "name of a person", "a@b.example", "Many tables."):
        assert text not in shown.text
    assert client.post(f"{path}/answer").status_code == 409
    assert client.post(f"{path}/withdrawal").json()["state"] == "withdrawn"
    entries = [e for _, e in shop.installation.audit_log.entries() if e.action == "rights.approve"]
    # The step that was refused is in the log as well.
    assert [(e.who, e.role, e.identity) for e in entries] == [("officer", "privacy_officer", "authenticated")] * 2


def test_the_same_twice_is_one_request(client: httpx.Client) -> None:
    first = client.post("/v1/rights/requests", json=ASKED | {"right": "erasure", "customer_id": WITHDREW}).json()
    again = client.post("/v1/rights/requests", json=ASKED | {"right": "erasure", "customer_id": WITHDREW}).json()
    assert (first["is_duplicate"], again["is_duplicate"]) == (False, True)
    assert first["request"]["id"] == again["request"]["id"]
    listed = client.get("/v1/rights/requests", params={"right": "erasure", "state": "submitted"}).json()
    assert [one["request"]["id"] for one in listed] == [first["request"]["id"]]
    assert listed[0]["deadline"]["urgency"] == "on_time"


def test_an_agents_key_submits_and_does_nothing_else(client: httpx.Client, shop: FeatureShop) -> None:
    told = {"right": "restriction", "customer_id": WITHDREW, "channel": "letter", "received_at": "2026-01-01T00:00:00Z"}
    answer = client.post("/v1/rights/requests", json=told, headers=agent(shop))
    request = answer.json()["request"]
    assert (request["state"], request["channel"], request["received_at"][:4]) == ("submitted", "http", "2026")
    assert request["received_at"] > "2026-05"
    path = f"/v1/rights/requests/{request['id']}"
    calls = [client.get("/v1/rights/requests", headers=agent(shop)), client.get(path, headers=agent(shop))]
    steps = ("proof", "approval", "refusal", "extension", "withdrawal", "answer")
    calls += [client.post(f"{path}/{step}", json={}, headers=agent(shop)) for step in steps]
    assert {(call.status_code, call.json()["code"]) for call in calls} == {(403, "not_permitted")}
    assert client.get(path).json()["request"]["state"] == "submitted"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"/{UNKNOWN}", None, 404, "unknown_request"),
        ("GET", "/q_1' OR '1'='1", None, 404, "unknown_request"),
        ("POST", f"/{UNKNOWN}/approval", None, 404, "unknown_request"),
        ("POST", f"/{UNKNOWN}/refusal", {"ground": "x", "why": 1}, 422, "invalid_request"),
        ("POST", "", ASKED | {"customer_id": "c_unknown"}, 422, "invalid_request"),
        ("POST", "", ASKED | {"right": "burn"}, 422, "invalid_request"),
        ("POST", "", ASKED | {"contact": "a@b\r\nBcc: c@d"}, 422, "invalid_request"),
        ("POST", "", ASKED | {"received_at": "0001-01-01T00:00:00Z"}, 422, "invalid_request"),
        ("POST", "", ASKED | {"received_at": "9999-12-31T23:59:59Z"}, 422, "invalid_request"),
        ("POST", "", ASKED | {"requester": "agent"}, 422, "invalid_request"),
        ("POST", "", ASKED | {"jurisdiction": "XX"}, 422, "invalid_request"),
        ("POST", "", ASKED | {PERMITS: "x"}, 422, "invalid_request"),
        ("POST", "", [1], 422, "invalid_request"),
        ("GET", "?limit=0", None, 422, "invalid_request"),
        ("GET", "?state=burnt", None, 422, "invalid_request"),
    ],
)
def test_a_faulty_call_is_refused_with_a_code_and_repeats_nothing(
    client: httpx.Client, method: str, path: str, body: Any, status: int, code: str
) -> None:
    answer = client.request(method, f"/v1/rights/requests{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert PERMITS not in answer.text


def test_without_a_key_nothing_is_answered(client: httpx.Client) -> None:
    bare = {"Authorization": ""}
    assert client.get("/v1/rights/requests", headers=bare).status_code == 401
    assert client.post("/v1/rights/requests", content=b"{", headers=bare).status_code == 401


def test_requests_that_cannot_be_stored_are_not_taken(
    client: httpx.Client, shop: FeatureShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = asked(client, right="portability")
    folder = shop.installation.settings.data_dir / "rights"
    shop.installation.close()
    (folder / "request.db").rename(folder / "gone.db")
    answer = client.post("/v1/rights/requests", json=ASKED | {"right": "explanation"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    (folder / "gone.db").rename(folder / "request.db")
    shop.installation.close()
    assert client.get(f"/v1/rights/requests/{number}").json()["request"]["state"] == "submitted"
