"""A signed-in person sees the own data and requests only, and what the person decides counts in the next read."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pyarrow as pa
import pytest

from privacy.consent.service import Statement, Terms
from privacy.rights.request import EventKind, Right, Submission
from tests.agent_serving.portal.portal_shop import STAFF, PortalShop, Visitor, number_of, person
from tests.agent_serving.serving_shop import PERMITS, SILENT, key_of
from tests.features.retrieval.feature_shop import AGENT, NOON, PURPOSE, SERVICE


def reason(shop: PortalShop, url: str, customer: str, purpose: str = PURPOSE) -> str | None:
    """Return why a feature of a customer is withheld now; None if it is released."""
    answer = httpx.post(
        f"{url}/v1/features", json={"service": SERVICE, "purpose": purpose, "customers": [customer]},
        headers={"Authorization": f"Bearer {key_of(shop, AGENT, purpose)}"},
    )  # fmt: skip
    withheld: dict[str, str] = answer.json()["customers"][0]["withheld"]
    return withheld.get("taste:top_shelf")


def followed(shop: PortalShop, url: str, customer: str, wanted: str | None) -> bool:
    """Return whether the features follow within a second, here within 200 reads."""
    return any(reason(shop, url, customer) == wanted for _ in range(200))


def ask(visitor: Visitor, right: str, **fields: str | list[str]) -> str:
    """Send a request and return its number."""
    visitor.get(f"/requests/new/{right}")
    answer = visitor.post(f"/requests/new/{right}", **fields)
    assert answer.status_code == 200, answer.text
    return number_of(answer)


def test_a_withdrawal_and_a_consent_count_in_the_next_read(shop: PortalShop, url: str) -> None:
    visitor = person(shop, url)
    assert reason(shop, url, PERMITS) is None
    page = visitor.get("/consents")
    assert "Allowed" in page.text
    assert "Your withdrawal is recorded" in visitor.post(f"/consents/{PURPOSE}/withdraw").text
    assert followed(shop, url, PERMITS, "no_consent")
    visitor.get(f"/consents/{PURPOSE}")
    assert visitor.post(f"/consents/{PURPOSE}", age="thirteen").status_code == 422
    assert visitor.post(f"/consents/{PURPOSE}", age="13").status_code == 422
    assert reason(shop, url, PERMITS) == "no_consent"
    with shop.later(timedelta(minutes=1)):
        assert "Your consent is recorded" in visitor.post(f"/consents/{PURPOSE}", age="40").text
        assert followed(shop, url, PERMITS, None)
    record = shop.consents.records_of([PERMITS])[-1]
    assert (record.asked, record.method, record.notice_version, record.age_years) == (
        "separately", "portal", "portal-1", 40
    )  # fmt: skip


def test_a_consent_by_a_bundled_form_would_not_count(shop: PortalShop, url: str) -> None:
    terms = Terms("1", asked="bundled", age_years=40)
    shop.installation.consent_service().grant(SILENT, PURPOSE, terms, Statement("portal", NOON - timedelta(days=1)))
    assert reason(shop, url, SILENT) == "no_consent"


def test_purposes_without_an_own_consent_have_no_consent_page(shop: PortalShop, url: str) -> None:
    visitor = person(shop, url)
    for purpose in ("service_delivery", "advertising_message", "no_such", "*"):
        assert visitor.get(f"/consents/{purpose}").status_code == 404


def test_an_objection_to_advertising_counts_at_once_and_without_an_officer(shop: PortalShop, url: str) -> None:
    visitor = person(shop, url, SILENT)
    number = ask(visitor, "objection", purpose=["marketing"])
    assert shop.installation.rights_service().request(number).state == "approved"
    records = shop.consents.records_of([SILENT])
    assert [(r.purpose, r.state) for r in records if r.state == "objected"] == [("marketing", "objected")]


def test_the_same_request_twice_is_one_request_with_its_progress(shop: PortalShop, url: str) -> None:
    visitor = person(shop, url, SILENT)
    number = ask(visitor, "restriction")
    assert "We have your request" in visitor.page.text if visitor.page else False
    assert ask(visitor, "restriction") == number
    assert visitor.page is not None
    assert "You had asked the same already" in visitor.page.text
    assert 'aria-current="step"' in visitor.page.text
    request = shop.installation.rights_service().request(number)
    assert (request.channel, request.state, request.identity.method if request.identity else "") == (
        "portal", "verified", "one_time_link"
    )  # fmt: skip
    assert "Withdrawn" in visitor.post(f"/requests/{number}/withdraw").text
    assert shop.installation.rights_service().request(number).state == "withdrawn"


def test_every_right_can_be_exercised(shop: PortalShop, url: str) -> None:
    visitor = person(shop, url, SILENT)
    fields: dict[str, dict[str, str | list[str]]] = {
        "erasure": {"form": "anonymise", "confirmed": "yes"},
        "rectification": {"field_0": "crm_customer.email", "value_0": "a@shop.example", "field_1": "crm_customer.sex"},
        "objection": {}, "explanation": {"decision": "recommendation"},
    }  # fmt: skip
    for right in Right:
        number = ask(visitor, right, country="DE", statement="제 이름은 이순신", **fields.get(right, {}))
        request = shop.installation.rights_service().request(number)
        assert (request.right, request.jurisdiction, request.language) == (right, "DE", "en")
        assert number in visitor.get("/requests").text
        visitor.get(f"/requests/{number}")
        visitor.post(f"/requests/{number}/withdraw")


def test_the_reason_of_a_refusal_and_ways_to_complain_are_shown(shop: PortalShop, url: str) -> None:
    service, visitor = shop.installation.rights_service(), person(shop, url, SILENT)
    number = ask(visitor, "erasure", confirmed="yes")
    service.refuse(number, "law_demands_collection", STAFF, "주문이 배송 중입니다.")
    page = visitor.get(f"/requests/{number}?lang=ko").text
    assert "주문이 배송 중입니다." in page
    assert "privacy.kisa.or.kr" in page


def test_the_answer_is_offered_to_the_person_when_it_is_ready(shop: PortalShop, url: str) -> None:
    visitor, service = person(shop, url), shop.installation.rights_service()
    number = ask(visitor, "access")
    page = visitor.get(f"/requests/{number}").text
    assert "Download" not in page
    request = service.approve(number, STAFF)
    with service.log.store.change():
        service.log.store.seal(number, "answer", b"PK answer")
        service.log.append(request, EventKind.STARTED, STAFF)
        service.log.append(request, EventKind.ANSWERED, STAFF)
        service.log.append(request, EventKind.COMPLETED, STAFF, {"certificate": "0" * 64})
    assert "Download the answer" in visitor.get(f"/requests/{number}").text
    answer = visitor.post(f"/requests/{number}/answer")
    assert (answer.content, answer.headers["content-type"]) == (b"PK answer", "application/zip")
    assert f"{number}.zip" in answer.headers["content-disposition"]
    assert service.request(number).downloads == 1
    stranger = person(shop, url, SILENT)
    stranger.get("/requests")
    assert stranger.post(f"/requests/{number}/answer").status_code == 404
    assert service.request(number).downloads == 1


@pytest.mark.parametrize(("customer", "rows"), [(PERMITS, 2), (SILENT, 1)])
def test_the_page_of_data_counts_the_own_rows_only(shop: PortalShop, url: str, customer: str, rows: int) -> None:
    if not shop.installation.lakehouse.exists("gold/taste"):
        names = [PERMITS, SILENT, PERMITS]
        shop.installation.lakehouse.append_rows(
            "gold/taste", pa.table({"customer_id": names, "colour": ["a", "b", "c"]})
        )
    page = person(shop, url, customer).get("/data").text
    assert f"{rows} record{'s' if rows > 1 else ''}<" in page.partition("Taste")[2]
    assert "(Your consent)" in page
    assert customer not in page


def test_pages_are_in_the_language_that_the_visitor_chose(shop: PortalShop, url: str) -> None:
    visitor = Visitor(url)
    assert 'lang="en"' in visitor.get("").text
    assert '<html lang="ko">' in visitor.get("?lang=ko").text
    assert '<html lang="ko">' in visitor.get("/status").text
    visitor.http.headers["Accept-Language"] = "ko-KR,ko;q=0.9"
    visitor.http.cookies.clear()
    assert '<html lang="ko">' in visitor.get("").text


def test_a_request_by_letter_about_the_person_is_shown_as_well(shop: PortalShop, url: str) -> None:
    asked = Submission(right=Right.PORTABILITY, customer_id=SILENT, channel="letter")
    number = shop.installation.rights_service().submit(asked, STAFF).request.id
    assert number in person(shop, url, SILENT).get("/requests").text
