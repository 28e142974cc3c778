"""A privacy officer sees the queue by its deadlines, decides, and each decision counts in the next read."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from agent_serving.services import open_api_keys
from installation.settings import OidcSettings
from privacy.rights import request_store
from privacy.rights.request import EventKind, Right, Submission
from tests.agent_serving.portal.portal_shop import (
    ADDRESSES,
    STAFF,
    PortalShop,
    Visitor,
    number_of,
    officer,
    person,
    portal_of,
)
from tests.agent_serving.portal.test_person_page import followed, reason
from tests.agent_serving.serving_shop import PERMITS, SILENT, key_of
from tests.features.retrieval.feature_shop import AGENT


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[PortalShop, str]]:
    """A shop of its own, for tests that damage it."""
    shop = PortalShop(tmp_path)
    with portal_of(shop) as url:
        yield shop, url
    shop.close()


def submitted(shop: PortalShop, right: Right, customer: str = PERMITS, **more: Any) -> str:
    """Return the number of a new request by letter whose identity is verified."""
    service = shop.installation.rights_service()
    asked = Submission(right=right, customer_id=customer, channel="letter", **more)
    number = service.submit(asked, STAFF).request.id
    service.verify_identity(number, "passport_seen", STAFF)
    return number


def state(shop: PortalShop, number: str) -> str:
    return str(shop.installation.rights_service().request(number).state)


def test_only_an_officers_key_opens_the_queue_and_a_revoked_one_closes_it(shop: PortalShop, url: str) -> None:
    visitor = Visitor(url)
    visitor.get("/officer/sign-in")
    for key in ("", "bjg_x", "a.b.c", key_of(shop, AGENT), "x" * 7000):
        visitor.get("/officer/sign-in")
        assert visitor.post("/officer/sign-in", key=key).status_code == 401
    key = shop.officer_key()
    signed_in = officer(shop, url, key)
    assert signed_in.get("/officer").url.path == "/portal/officer"
    with closing(open_api_keys(shop.installation)) as keys:
        keys.revoke(key.split("_")[1])
    assert signed_in.get("/officer").url.path == "/portal/officer/sign-in"


def test_the_queue_is_in_the_order_of_the_deadlines_and_says_what_is_overdue(shop: PortalShop, url: str) -> None:
    late = submitted(shop, Right.ACCESS, received_at=shop.now - timedelta(days=20))
    soon = submitted(shop, Right.PORTABILITY, received_at=shop.now - timedelta(days=8))
    later = submitted(shop, Right.ACCESS, SILENT, jurisdiction="DE")
    visitor = officer(shop, url)
    page = visitor.get("/officer").text
    positions = [page.index(number) for number in (late, soon, later)]
    assert positions == sorted(positions)
    assert "Overdue" in page[page.index(late) : page.index(soon)]
    assert "Due soon" in page[page.index(soon) : page.index(later)]
    assert late not in visitor.get("/officer?right=portability").text
    assert visitor.get("/officer?state=completed&page=x&right=").text.count("<tr>") == 0
    done = visitor.get("/officer") and visitor.post("/officer", number=[late, soon, "q_" + "0" * 32])
    assert "2 approved" in done.text
    assert "1 could not be approved" in done.text
    assert [state(shop, number) for number in (late, soon, later)] == ["approved", "approved", "verified"]


def test_an_erasure_is_never_approved_with_others(shop: PortalShop, url: str) -> None:
    number, visitor = submitted(shop, Right.ERASURE, SILENT), officer(shop, url)
    visitor.get("/officer")
    assert "1 could not be approved" in visitor.post("/officer", number=number).text
    assert state(shop, number) == "verified"


@pytest.mark.parametrize(
    ("right", "why"), [(Right.ERASURE, "restricted"), (Right.RESTRICTION, "restricted"), (Right.OBJECTION, "objected")]
)
def test_an_approval_stops_the_features_in_the_next_read(own: tuple[PortalShop, str], right: Right, why: str) -> None:
    shop, url = own
    number, visitor = submitted(shop, right), officer(shop, url)
    visitor.get(f"/officer/requests/{number}")
    assert reason(shop, url, PERMITS) is None
    visitor.post(f"/officer/requests/{number}/approve")
    assert followed(shop, url, PERMITS, why)
    visitor.get(f"/officer/requests/{number}")
    ground = "law_demands_collection" if right is Right.ERASURE else "law_demands_processing"
    with shop.later(timedelta(minutes=1)):
        visitor.post(f"/officer/requests/{number}/refuse", ground=ground, reason="x")
        assert followed(shop, url, PERMITS, None)


def test_an_officer_verifies_refuses_extends_and_holds(shop: PortalShop, url: str) -> None:
    service, visitor = shop.installation.rights_service(), officer(shop, url)
    asked = Submission(
        right=Right.ACCESS, customer_id=SILENT, channel="counter", requester="guardian", mandate_evidence="0" * 64
    )
    number = service.submit(asked, STAFF).request.id
    path = f"/officer/requests/{number}"
    visitor.get(path)
    assert "Verify the mandate" in visitor.page.text if visitor.page else False
    assert visitor.post(f"{path}/approve").status_code == 409
    for of in ("identity", "mandate"):
        visitor.get(path)
        visitor.post(f"{path}/verify", of=of, method="passport_seen", evidence="a" * 64)
    assert state(shop, number) == "verified"
    assert "deadline is extended" in visitor.post(f"{path}/extend", until="2026-06-30", reason="Many tables.").text
    assert visitor.post(f"{path}/extend", until="9999-12-31", reason="Many tables.").status_code == 403
    visitor.get(path)
    assert visitor.post(f"{path}/refuse", ground="no_such_ground").status_code == 403
    visitor.get(path)
    assert "Refused" in visitor.post(f"{path}/refuse", ground="law_forbids", reason="").text
    assert visitor.post(f"{path}/approve").status_code in (403, 409)


def test_a_legal_hold_stops_an_erasure_and_its_release_lets_it_go_on(shop: PortalShop, url: str) -> None:
    number, visitor = submitted(shop, Right.ERASURE), officer(shop, url)
    path = f"/officer/requests/{number}"
    visitor.get(path)
    page = visitor.post(f"{path}/hold", ground="Court case 17").text
    assert "Court case 17" in page
    answer = visitor.post(f"{path}/approve")
    assert (answer.status_code, state(shop, number)) == (403, "verified")
    assert "hold" in answer.text
    (hold,) = shop.installation.rights_service().show(number).holds
    visitor.get(path)
    visitor.post(f"{path}/release", hold=hold.id)
    visitor.post(f"{path}/approve")
    assert state(shop, number) == "approved"


def test_a_store_that_cannot_be_reached_keeps_the_request_open_and_is_named(shop: PortalShop, url: str) -> None:
    number, service = submitted(shop, Right.RESTRICTION, SILENT), shop.installation.rights_service()
    request = service.approve(number, STAFF)
    with service.log.store.change():
        service.log.append(request, EventKind.STARTED, STAFF)
        details = {"stores": ["lakehouse"], "reasons": ["silver/customer: the disk is full"]}
        service.log.append(request, EventKind.FAILED, STAFF, details)
    visitor = officer(shop, url)
    for path in ("/officer", f"/officer/requests/{number}"):
        page = visitor.get(path).text
        assert "lakehouse" in page
        assert "silver/customer: the disk is full" in page
    page = person(shop, url, SILENT).get(f"/requests/{number}").text
    assert "could not be finished yet" in page
    assert "silver" not in page


def test_on_a_full_disk_no_step_takes_place_and_it_can_be_repeated(
    own: tuple[PortalShop, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, url = own
    number = submitted(shop, Right.ACCESS)
    opened = request_store.open_database

    def full(*arguments: Any, **named: Any) -> sqlite3.Connection:
        connection = opened(*arguments, **named)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(request_store, "open_database", full)
        visitor = officer(shop, url)
        visitor.get(f"/officer/requests/{number}")
        answers = [visitor.post(f"/officer/requests/{number}/hold", ground="g" * 100) for _ in range(40)]
        assert answers[-1].status_code == 503
        assert "nothing was changed" in answers[-1].text
    assert state(shop, number) == "verified"
    shop.portal.installation.close()
    visitor = officer(shop, url)
    visitor.get(f"/officer/requests/{number}")
    visitor.post(f"/officer/requests/{number}/approve")
    assert state(shop, number) == "approved"


def test_a_token_of_the_provider_opens_the_queue_until_it_ends(tmp_path: Path) -> None:
    shop, key = PortalShop(tmp_path), ECKey.generate_key("P-256", {"kid": "one"})
    (tmp_path / "jwks.json").write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    oidc = OidcSettings(issuer="https://login.example", audience="bojagi", jwks_file=tmp_path / "jwks.json")
    shop.installation.settings.__dict__["oidc"] = oidc

    def token(role: str) -> str:
        claims = {
            "iss": oidc.issuer, "aud": "bojagi", "sub": "officer-7", "exp": int(shop.now.timestamp()) + 600,
            "bojagi_role": role, "bojagi_purposes": "service_delivery",
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)

    with portal_of(shop) as url:
        visitor = Visitor(url)
        visitor.get("/officer/sign-in")
        assert visitor.post("/officer/sign-in", key=token("agent")).status_code == 401
        visitor = officer(shop, url, token("privacy_officer"))
        number = submitted(shop, Right.ACCESS)
        visitor.get(f"/officer/requests/{number}")
        visitor.post(f"/officer/requests/{number}/approve")
        assert shop.installation.rights_service().show(number).events[-1].by.who == "oidc:officer-7"
        with shop.later(timedelta(minutes=11)):
            assert visitor.get("/officer").url.path == "/portal/officer/sign-in"
    shop.close()


def test_a_mail_tells_of_each_step_and_holds_no_data(shop: PortalShop, url: str) -> None:
    shop.box.mails.clear()
    visitor, staff = person(shop, url, SILENT), officer(shop, url)
    visitor.get("/requests/new/explanation")
    number = number_of(visitor.post("/requests/new/explanation", country="KR", statement="secret text"))
    staff.get(f"/officer/requests/{number}")
    staff.post(f"/officer/requests/{number}/extend", reason="Many decisions.")
    staff.get(f"/officer/requests/{number}")
    staff.post(f"/officer/requests/{number}/refuse", ground="justified_reason", reason="It is a trade secret.")
    for _ in range(600):
        if len(shop.box.mails) == 3:
            break
        time.sleep(0.02)
    texts = [bytes(mail.get_payload(decode=True)).decode() for _, mail in shop.box.mails]  # type: ignore[arg-type]
    assert {recipient for recipient, _ in shop.box.mails} == {ADDRESSES[SILENT]}
    assert [text.partition(":")[0] for text in texts] == [
        "We have your request", "We need more time for your request", "Your request is refused"
    ]  # fmt: skip
    assert all(number in text and "/portal/status" in text for text in texts)
    assert "It is a trade secret." in texts[2]
    assert not any("secret text" in text or SILENT in text for text in texts)
