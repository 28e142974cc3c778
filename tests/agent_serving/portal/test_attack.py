"""What a pentester tries: forged forms, planted data, guessed numbers, oversized and broken bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from agent_serving.portal import officer_page, person_page, sign_in_page
from agent_serving.request_limit import RateLimit
from agent_serving.web import visit
from privacy.rights.request import Right, Submission, new_request_id
from tests.agent_serving.portal.portal_shop import STAFF, PortalShop, Visitor, number_of, officer, person
from tests.agent_serving.serving_shop import PERMITS, SILENT

_PARTS = {"purpose": "personalisation", "right": "access", "number": "q_" + "0" * 32}
FORMS = sorted(
    re.sub(r"{(\w+)(:path)?}", lambda found: _PARTS.get(found[1], "x"), route.path).removeprefix("/portal")
    for module in (sign_in_page, person_page, officer_page)
    for route in module.router.routes
    if "POST" in route.methods  # type: ignore[attr-defined]
)
_NAUGHTY = "<script>alert(1)</script> {{ 7*7 }} ' OR '1'='1 \"><img src=x onerror=alert(1)> \u202egnp.exe 김O'Brien"


@pytest.fixture(scope="module")
def signed_in(shop: PortalShop, url: str) -> Iterator[tuple[Visitor, Visitor]]:
    both = person(shop, url), officer(shop, url)
    kept = list(Visitor.opened)
    Visitor.opened.clear()
    yield both
    for client in kept:
        client.close()


def own_request(shop: PortalShop, customer: str = SILENT, right: Right = Right.ACCESS) -> str:
    """Return the number of a request that is submitted by an officer for a customer."""
    asked = Submission(right=right, customer_id=customer, channel="letter", statement=_NAUGHTY)
    return shop.installation.rights_service().submit(asked, STAFF).request.id


@pytest.mark.parametrize("path", FORMS)
def test_a_forged_form_is_refused_and_changes_nothing(
    shop: PortalShop, signed_in: tuple[Visitor, Visitor], path: str
) -> None:
    visitor = signed_in["/officer" in path]
    visitor.get("/officer" if "/officer" in path else "")
    token, before = visitor.form_token, len(shop.installation.rights_service().requests())
    stolen = Visitor(str(visitor.http.base_url))
    stolen.get("/sign-in")
    forged: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({"form_token": "0" * 64}, {}),
        ({"form_token": stolen.form_token}, {}),
        ({"form_token": token}, {"Sec-Fetch-Site": "cross-site"}),
        ({"form_token": token}, {"Sec-Fetch-Site": "same-site"}),
        ({"form_token": token}, {"Origin": "https://evil.example"}),
        ({"form_token": token}, {"Origin": "null"}),
    ]
    for form, headers in forged:
        answer = visitor.http.post(f"/portal{path}", data=form, headers=headers)
        assert answer.status_code == 403, (path, headers, answer.status_code)
    assert len(shop.installation.rights_service().requests()) == before
    assert visitor.get("/officer" if "/officer" in path else "/requests").url.path.count("sign-in") == 0


def test_without_the_check_a_forged_form_would_change_something(
    shop: PortalShop, signed_in: tuple[Visitor, Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit.Visit, "require_own_form", lambda _: None)
    answer = signed_in[0].http.post("/portal/requests/new/portability", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["location"].startswith("/portal/requests/q_")


def test_pages_need_the_right_session(shop: PortalShop, url: str, signed_in: tuple[Visitor, Visitor]) -> None:
    as_person, as_officer = signed_in
    for path in ("", "/requests/" + own_request(shop)):
        assert as_person.get(f"/officer{path}").url.path == "/portal/officer/sign-in"
    for path in ("/data", "/consents", "/requests", "/requests/new/erasure"):
        assert as_officer.get(path).url.path == "/portal/sign-in"
        assert Visitor(url).get(path).url.path == "/portal/sign-in"


def test_another_persons_request_reads_like_one_that_does_not_exist(
    shop: PortalShop, signed_in: tuple[Visitor, Visitor]
) -> None:
    visitor, foreign = signed_in[0], own_request(shop)
    for step in ("", "/withdraw", "/answer"):
        pages = set()
        for number in (foreign, new_request_id(), "q_1' OR '1'='1"):
            visitor.get("/requests")
            answer = visitor.post(f"/requests/{number}{step}") if step else visitor.get(f"/requests/{number}")
            assert answer.status_code == 404
            pages.add(answer.text.replace(visitor.form_token, ""))
        assert len(pages) == 1
    assert shop.installation.rights_service().request(foreign).state == "submitted"


def test_the_number_of_a_request_shows_its_state_and_nothing_personal(shop: PortalShop, url: str) -> None:
    number, visitor = own_request(shop), Visitor(url)
    visitor.get("/status")
    page = visitor.post("/status", number=number).text
    assert "Received" in page
    for text in (SILENT, PERMITS, "alert", "Brien"):
        assert text not in page
    assert visitor.post("/status", number=new_request_id()).status_code == 404


def test_what_a_person_writes_stays_text_on_the_page_of_the_officer(
    shop: PortalShop, signed_in: tuple[Visitor, Visitor]
) -> None:
    as_person, as_officer = signed_in
    as_person.get("/requests/new/access")
    number = number_of(as_person.post("/requests/new/access", statement=_NAUGHTY, country="DE"))
    page = as_officer.get(f"/officer/requests/{number}").text
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page
    assert "O&#39;Brien" in page
    assert not re.search(r"<script|<img|\u202e|onerror=(?!alert\(1\)&gt;)", page)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"statement=" + b"x" * visit.MOST_FORM_BYTES, "application/x-www-form-urlencoded", 413),
        (b"x" * (1024 * 1024 + 1), "application/x-www-form-urlencoded", 413),
        (b"a=1&" * 1000, "application/x-www-form-urlencoded", 400),
        (b"a=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"--x\r\n", "multipart/form-data; boundary=x", 415),
    ],
)
def test_a_body_that_is_no_small_form_is_refused(
    signed_in: tuple[Visitor, Visitor], body: bytes, content_type: str, status: int
) -> None:
    answer = signed_in[0].http.post(
        "/portal/requests/new/access", content=body, headers={"Content-Type": content_type}
    )  # fmt: skip
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/requests/new/access", {"statement": "x" * 4001}),
        ("/requests/new/access", {"statement": "nul \x00 and bell \x07"}),
        ("/requests/new/access", {"country": "XX"}),
        ("/requests/new/access", {"country": "<b>"}),
        ("/requests/new/erasure", {"form": "delete"}),
        ("/requests/new/erasure", {"form": "burn", "confirmed": "yes"}),
        ("/requests/new/objection", {"purpose": ["marketing", "no such purpose"]}),
        ("/requests/new/objection", {"purpose": ["unknown"]}),
        ("/requests/new/rectification", {}),
        ("/requests/new/rectification", {"field_0": "crm_customer.password", "value_0": "x"}),
        ("/requests/new/explanation", {"decision": "'; DROP TABLE event"}),
    ],
)
def test_a_faulty_form_is_shown_again_and_submits_nothing(
    shop: PortalShop, signed_in: tuple[Visitor, Visitor], path: str, fields: dict[str, str | list[str]]
) -> None:
    before = len(shop.installation.rights_service().requests_of(PERMITS))
    assert signed_in[0].get(path).status_code == 200
    answer = signed_in[0].post(path, **{"statement": "my <long> text", **fields})
    assert answer.status_code == 422
    assert "my &lt;long&gt; text" in answer.text or "statement" in fields
    assert len(shop.installation.rights_service().requests_of(PERMITS)) == before


def test_every_page_forbids_scripts_frames_caches_and_referrers(url: str, signed_in: tuple[Visitor, Visitor]) -> None:
    visitor, as_officer = signed_in
    answers = [visitor.get(path) for path in ("", "/data", "/requests/new/erasure", "/status", "/no/such/page")]
    answers += [as_officer.get("/officer"), Visitor(url).get("/sign-in/link?token=x"), visitor.post("/sign-in/x")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "strict-origin"
        assert answer.headers["content-type"].startswith("text/html")
        assert "<script" not in answer.text
        assert "style=" not in answer.text
    assert answers[4].status_code == 404


def test_a_visitor_who_reloads_without_end_is_slowed_down(
    shop: PortalShop, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor, other = person(shop, url), person(shop, url, SILENT)
    monkeypatch.setattr(shop.portal, "rate", RateLimit(3))
    answers = [visitor.http.get("/portal/requests/new") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert other.get("/requests/new").status_code == 200


def test_an_unforeseen_failure_is_a_page_without_details(
    signed_in: tuple[Visitor, Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"row of {PERMITS}")

    monkeypatch.setattr(person_page, "stored_tables", fail)
    answer = signed_in[0].get("/data")
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert PERMITS not in answer.text


def test_metrics_name_the_pages_and_no_person(url: str, shop: PortalShop, signed_in: tuple[Visitor, Visitor]) -> None:
    signed_in[0].get("/requests/" + own_request(shop))
    metrics = httpx.get(f"{url}/metrics").text
    assert 'route="/portal/requests/{number}"' in metrics
    assert "q_" not in metrics
