"""The application's answers: values by consent, precise refusals, and nothing personal in metrics and log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_serving.application import create_app
from agent_serving.request_limit import MOST_BODY_BYTES, RateLimit
from installation.event_log import EntryFormatter
from tests.agent_serving.serving_shop import PERMITS, SILENT, WITHDREW, key_of, served
from tests.features.retrieval.feature_shop import AGENT, NOON, OFFICER, PURPOSE, SERVICE, FeatureShop, value_of

WANTED = {"service": SERVICE, "purpose": PURPOSE, "customers": [PERMITS]}
UNKNOWN = "c_unknown"
VALUES = ("taste:top_shelf", "trade:order_count", "trade:basket")


def changed(**fields: Any) -> dict[str, Any]:
    return {**WANTED, **fields}


def refusal(client: httpx.Client, status: int, **request: Any) -> str:
    """Return the code of the refusal, after checking its form."""
    answer = client.post("/v1/features", **request)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() == {"type", "title", "status", "code", "detail"}
    assert PERMITS not in answer.text
    return str(answer.json()["code"])


def test_each_customer_gets_values_or_the_reason_in_the_order_of_the_request(steady: httpx.Client) -> None:
    customers = [SILENT, PERMITS, UNKNOWN, WITHDREW]
    answer = steady.post("/v1/features", json=changed(customers=customers))
    assert answer.status_code == 200
    rows = answer.json()["customers"]
    assert [row["customer"] for row in rows] == customers
    by_name = {row["customer"]: row for row in rows}
    own = by_name[PERMITS]
    assert {name: own["values"][name] for name in VALUES} == {name: value_of(PERMITS, name) for name in VALUES}
    assert own["withheld"] == {"trade:income": "not_for_purpose"}
    assert own["event_times"] == dict.fromkeys(own["values"].keys() - own["withheld"].keys(), NOON.isoformat())
    for customer, reason in ((SILENT, "no_consent"), (WITHDREW, "no_consent"), (UNKNOWN, "unknown_customer")):
        row = by_name[customer]
        assert set(row["values"].values()) == {None}
        assert set(row["withheld"].values()) == {reason, "not_for_purpose"}
        assert row["withheld"].keys() == row["values"].keys()
        assert row["event_times"] == {}


def test_a_withdrawal_counts_in_the_next_answer(client: httpx.Client, shop: FeatureShop) -> None:
    assert not client.post("/v1/features", json=WANTED).json()["customers"][0]["withheld"].get(VALUES[0])
    shop.state(PERMITS, "withdrawn", at=NOON - timedelta(hours=1))
    withheld: dict[str, str] = {}
    for _ in range(200):
        withheld = client.post("/v1/features", json=WANTED).json()["customers"][0]["withheld"]
        if VALUES[0] in withheld:
            break
    assert withheld[VALUES[0]] == "no_consent"


def test_the_read_is_in_the_audit_log_as_authenticated(client: httpx.Client, shop: FeatureShop) -> None:
    client.post("/v1/features", json=changed(customers=[PERMITS, SILENT]))
    (entry,) = (e for _, e in shop.installation.audit_log.entries() if e.action == "retrieve")
    assert (entry.who, entry.role, entry.purpose, entry.identity) == ("web-shop", "agent", PURPOSE, "authenticated")
    assert (entry.table, entry.subjects, entry.outcome) == (f"service/{SERVICE}", 1, "allowed")


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"json": changed(service="shoping_agent")}, 404, "unknown_service"),
        ({"json": changed(purpose="personalization")}, 404, "unknown_purpose"),
        ({"json": changed(purpose="marketing")}, 403, "not_permitted"),
        ({"json": changed(customers=[])}, 422, "invalid_request"),
        ({"json": changed(customers=[PERMITS] * 100_000)}, 413, "body_too_large"),
        ({"json": changed(customers=[PERMITS] * 1001)}, 422, "invalid_request"),
        ({"json": changed(customers=PERMITS)}, 422, "invalid_request"),
        ({"json": changed(customers=[7])}, 422, "invalid_request"),
        ({"json": changed(at="2020-01-01T00:00:00")}, 422, "invalid_request"),
        ({"json": {"service": SERVICE}}, 422, "invalid_request"),
        ({"json": [1]}, 422, "invalid_request"),
        ({"content": b'{"service": ', "headers": {"Content-Type": "application/json"}}, 400, "invalid_json"),
        ({"content": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}, 400, "invalid_json"),
        ({"content": b" " * (MOST_BODY_BYTES + 1)}, 413, "body_too_large"),
    ],
)
def test_a_bad_request_is_refused_with_a_precise_code(
    steady: httpx.Client, request_: dict[str, Any], status: int, code: str
) -> None:
    assert refusal(steady, status, **request_) == code


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Basic x", "Bearer bjg_x", "Bearer " + "x" * 5000, "Bearer a.b.c"]
)
def test_without_a_valid_key_nothing_is_answered(steady: httpx.Client, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    with httpx.Client(base_url=steady.base_url, headers=headers) as client:
        for answer in (client.post("/v1/features", json=WANTED), client.get("/v1/feature-services")):
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_expired_and_a_revoked_key_say_so(shop: FeatureShop) -> None:
    key = key_of(shop, days=1)
    with served(shop, key) as client:
        assert client.post("/v1/features", json=WANTED).status_code == 200
        shop.moment += timedelta(days=2)
        assert refusal(client, 401, json=WANTED) == "expired_key"


def test_the_services_are_those_of_the_keys_purposes(client: httpx.Client, shop: FeatureShop) -> None:
    by_name = {service["name"]: service for service in client.get("/v1/feature-services").json()}
    assert by_name[SERVICE]["purposes"] == [PURPOSE]
    assert all(feature["definition"] and feature["type"] for feature in by_name[SERVICE]["features"])
    other = {"Authorization": f"Bearer {key_of(shop, AGENT, 'service_delivery')}"}
    services = client.get("/v1/feature-services", headers=other).json()
    assert [(service["name"], service["purposes"]) for service in services] == [(SERVICE, ["service_delivery"])]


def test_unknown_routes_and_methods_are_problems_too(steady: httpx.Client) -> None:
    assert steady.get("/v2/features").json()["code"] == "not_found"
    assert steady.get("/v1/features").json()["code"] == "method_not_allowed"


def test_health_names_what_fails_and_a_failing_part_releases_nothing(
    client: httpx.Client, shop: FeatureShop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As Feast's server sets it when it is imported into the process.
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert client.get("/health/live").json() == {"status": "ok", "failing": []}
    assert client.get("/health/ready").json() == {"status": "ok", "failing": []}
    shop.installation.close()
    folder = shop.installation.settings.data_dir
    (folder / "consent" / "consent.db").rename(folder / "gone.db")
    for _ in range(200):
        if client.post("/v1/features", json=WANTED).status_code != 200:
            break
    assert refusal(client, 503, json=WANTED) == "unavailable"
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()) == (503, {"status": "failing", "failing": ["consent record"]})
    metrics = client.get("/metrics").text
    assert 'bojagi_part_failing{part="consent record"} 1.0' in metrics
    assert 'bojagi_http_refusals_total{code="unavailable"}' in metrics


def test_an_unforeseen_error_is_a_constant_500_and_logged_without_its_message(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"row of {PERMITS}")

    monkeypatch.setattr("features.retrieval.reader.FeatureReader.retrieve", fail)
    assert refusal(client, 500, json=WANTED) == "internal_error"
    entries = [json.loads(line) for line in lines]
    assert "RuntimeError" in [entry.get("error") for entry in entries]
    assert len({entry["request_id"] for entry in entries}) == 1, "the error and the request are one request"
    assert PERMITS not in "".join(lines)


def test_metrics_and_log_name_routes_and_keys_but_no_person(client: httpx.Client, lines: list[str]) -> None:
    client.post("/v1/features", json=changed(customers=[PERMITS, SILENT]))
    client.get(f"/v1/{PERMITS}")
    metrics = client.get("/metrics").text
    assert 'bojagi_http_requests_total{method="POST",route="/v1/features",status="200"} 1.0' in metrics
    assert 'bojagi_feature_values_total{outcome="released"}' in metrics
    assert 'bojagi_feature_values_total{outcome="no_consent"}' in metrics
    first = json.loads(lines[0])
    assert (first["method"], first["route"], first["status"]) == ("POST", "/v1/features", 200)
    assert first["caller"].startswith("api_key:")
    assert "c_" not in metrics + "".join(lines)


def test_a_request_keeps_the_identifier_of_its_caller_unless_it_may_be_personal(client: httpx.Client) -> None:
    def answered(**headers: str) -> str:
        return client.get("/health/live", headers={k.replace("_", "-"): v for k, v in headers.items()}).headers[
            "x-request-id"
        ]

    trace, own = "4bf92f3577b34da6a3ce929d0e0e4736", "0d9e35fa-5c5b-4d0c-9f0a-0c8e0f1d2a3b"
    assert answered(traceparent=f"00-{trace}-00f067aa0ba902b7-01") == trace
    assert answered(x_request_id=own) == own
    for personal in ("01012345678", "kim@example.com", PERMITS):
        assert personal not in answered(x_request_id=personal)
    assert answered() != answered()


def test_a_caller_with_too_many_requests_waits(shop: FeatureShop) -> None:
    app = create_app(shop.installation)
    app.state.services.rate = RateLimit(3)
    with served(shop, app=app) as client:
        answers = [client.post("/v1/features", json=WANTED) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        other = {"Authorization": f"Bearer {key_of(shop, OFFICER)}"}
        assert client.post("/v1/features", json=WANTED, headers=other).status_code == 200


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"0": 1}'])
def test_a_faulty_body_of_an_unknown_caller_is_not_read(steady: httpx.Client, content: bytes) -> None:
    answer = httpx.post(steady.base_url.join("/v1/features"), content=content)
    assert (answer.status_code, answer.json()["code"]) == (401, "missing_credential")


def test_the_name_of_an_unknown_field_is_not_repeated(steady: httpx.Client) -> None:
    answer = steady.post("/v1/features", json=changed(**{PERMITS: 1}))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert PERMITS not in answer.text


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """The log of the application, line by line."""
    found: list[str] = []
    handler = logging.Handler()
    formatter = EntryFormatter()
    handler.emit = lambda record: found.append(formatter.format(record))  # type: ignore[method-assign]
    logger = logging.getLogger("bojagi.serve")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(handler)
