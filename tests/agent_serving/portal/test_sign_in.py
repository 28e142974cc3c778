"""A one-time link signs in one person once, and nothing tells whether an address is on record."""

from __future__ import annotations

import doctest
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from agent_serving.portal import post, words
from agent_serving.portal.pass_subject_store import PassSubjectStore
from agent_serving.portal.post import LINKS_AN_HOUR, address_of
from agent_serving.web.pass_store import FILE, PassKind
from privacy.rights.subject import Subject
from tests.agent_serving.portal.portal_shop import (
    ADDRESSES,
    PUBLIC_URL,
    SHARED,
    PortalShop,
    Visitor,
    follow_link,
    person,
    portal_of,
)
from tests.agent_serving.serving_shop import PERMITS, SILENT, WITHDREW

KIM = Subject("s_1", (PERMITS,))


def asked(shop: PortalShop, url: str, address: str, **headers: str) -> str:
    """Ask for a link and return the page, without the visitor's form token."""
    visitor = Visitor(url, **headers)
    visitor.get("/sign-in")
    answer = visitor.post("/sign-in", address=address)
    assert answer.status_code == 200
    return answer.text.replace(visitor.form_token, "")


def outcomes(url: str) -> dict[str, float]:
    """Return how many requests for a link had each outcome."""
    lines = [line for line in httpx.get(f"{url}/metrics").text.splitlines() if "portal_mails_total{" in line]
    return {line.partition('outcome="')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_a_mailed_link_signs_in_once_and_only_by_its_button(shop: PortalShop, url: str) -> None:
    asked(shop, url, ADDRESSES[PERMITS].upper(), Host="evil.example")
    link = shop.box.link()
    assert link.startswith(f"{PUBLIC_URL}/portal/sign-in/link?token=")
    secret = link.partition("token=")[2]
    scanner = Visitor(url)
    assert all(scanner.get(f"/sign-in/link?token={secret}").status_code == 200 for _ in range(3))
    assert scanner.get("/requests").url.path.endswith("/sign-in")
    visitor = Visitor(url)
    assert ADDRESSES[PERMITS] in follow_link(visitor, link).text
    assert follow_link(Visitor(url), link).status_code == 410


def test_of_two_who_use_a_link_at_once_one_is_signed_in(shop: PortalShop, url: str) -> None:
    with closing(shop.passes()) as passes:
        link = f"?token={passes.issue(PassKind.LINK, {'customer_id': PERMITS, 'address': ADDRESSES[PERMITS]}, PERMITS)}"
    statuses: list[int] = []
    visitors = [Visitor(url) for _ in range(6)]
    threads = [threading.Thread(target=lambda v=v: statuses.append(follow_link(v, link).status_code)) for v in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 410, 410, 410, 410, 410]


@pytest.mark.parametrize("passed", [timedelta(minutes=15), timedelta(days=400)])
def test_an_old_link_is_refused(shop: PortalShop, url: str, passed: timedelta) -> None:
    with closing(shop.passes()) as passes:
        secret = passes.issue(PassKind.LINK, {"customer_id": PERMITS, "address": ADDRESSES[PERMITS]}, PERMITS)
    with shop.later(passed):
        assert follow_link(Visitor(url), f"?token={secret}").status_code == 410


def test_every_address_gets_the_same_page_and_only_the_address_of_one_person_gets_mail(
    shop: PortalShop, url: str
) -> None:
    shop.box.mails.clear()
    before = outcomes(url)
    unknown = [
        "nobody@shop.example",
        "kim@shop.example\r\nBcc: x@evil.example",
        "a@b, c@d",
        "x" * 250,
        "<b>@shop.example",
    ]
    pages = {asked(shop, url, address) for address in [*unknown, SHARED, ADDRESSES[SILENT]]}
    assert len(pages) == 1
    shop.box.link()
    assert [recipient for recipient, _ in shop.box.mails] == [ADDRESSES[SILENT]]
    for _ in range(500):
        if outcomes(url).get("sent", 0) > before.get("sent", 0):
            break
    assert outcomes(url)["unknown"] - before.get("unknown", 0) == 2, "nobody's address and the shared one"


def test_mail_goes_to_the_address_on_record_and_not_to_one_that_looks_alike(shop: PortalShop, url: str) -> None:
    shop.box.mails.clear()
    asked(shop, url, "ｌｅｅ＠ｓｈｏｐ.ｅｘａｍｐｌｅ")
    shop.box.link()
    assert shop.box.mails[0][0] == ADDRESSES[SILENT] == address_of("ｌｅｅ＠ｓｈｏｐ.ｅｘａｍｐｌｅ")


def test_an_address_gets_a_few_mails_an_hour(shop: PortalShop, url: str) -> None:
    shop.box.mails.clear()
    pages = {asked(shop, url, ADDRESSES[WITHDREW]) for _ in range(LINKS_AN_HOUR + 2)}
    for _ in range(500):
        if outcomes(url).get("too_many") == 2:
            break
    assert len(pages) == 1
    assert len(shop.box.mails) == LINKS_AN_HOUR


def test_a_sign_in_begins_a_new_session_whatever_cookies_were_planted(shop: PortalShop, url: str) -> None:
    planted = "person." + "A" * 43
    with closing(shop.passes()) as passes:
        secret = passes.issue(PassKind.LINK, {"customer_id": PERMITS, "address": ADDRESSES[PERMITS]}, PERMITS)
    visitor = Visitor(url)
    visitor.http.cookies.set("bojagi_session", planted)
    visitor.get(f"/sign-in/link?token={secret}")
    answer = visitor.http.post(
        "/portal/sign-in/link", data={"form_token": visitor.form_token, "token": secret}
    )  # fmt: skip
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("bojagi_session=person.")
    assert planted not in cookie
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert httpx.get(f"{url}/portal/requests", cookies={"bojagi_session": planted}).status_code == 303


def test_the_cookie_of_an_encrypted_site_is_bound_to_its_host(tmp_path: Path) -> None:
    shop = PortalShop(tmp_path, "https://privacy.example")
    with portal_of(shop) as url:
        answer = httpx.get(f"{url}/portal")
        assert answer.headers["set-cookie"].startswith("__Host-bojagi_visitor=")
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"]
    shop.close()


def test_a_session_ends_by_sign_out_by_disuse_and_by_age(shop: PortalShop, url: str) -> None:
    visitor = person(shop, url)
    kept = visitor.http.cookies["bojagi_session"]
    visitor.post("/sign-out")
    assert httpx.get(f"{url}/portal/requests", cookies={"bojagi_session": kept}).status_code == 303
    idle = person(shop, url)
    with shop.later(timedelta(minutes=29)):
        assert idle.get("/requests").url.path == "/portal/requests"
    with shop.later(timedelta(minutes=60)):
        assert idle.get("/requests").url.path == "/portal/sign-in"
    busy = person(shop, url)
    for minutes in range(20, 140, 20):
        with shop.later(timedelta(minutes=minutes)):
            is_in = busy.get("/requests").url.path == "/portal/requests"
        assert is_in is (minutes < 120)


def test_an_erasure_signs_out_and_leaves_no_trace_in_the_store(shop: PortalShop, url: str) -> None:
    store = PassSubjectStore(shop.installation)
    visitor, other = person(shop, url), person(shop, url, SILENT)
    (holding,) = store.find(KIM)
    assert holding.rows
    # Without the erasure, the verification finds the session.
    assert store.verify([KIM]).residues
    assert store.erase([KIM]).counts["passes"] == holding.rows
    assert store.verify([KIM]).is_clean
    assert visitor.get("/requests").url.path == "/portal/sign-in"
    assert other.get("/requests").url.path == "/portal/requests"


def test_a_copy_of_the_store_names_nobody_and_signs_nobody_in(shop: PortalShop, url: str) -> None:
    visitor = person(shop, url)
    content = (shop.installation.settings.data_dir / FILE).read_bytes()
    secret = visitor.http.cookies["bojagi_session"].partition(".")[2]
    for text in (PERMITS, ADDRESSES[PERMITS], secret):
        assert text.encode() not in content


def test_without_a_mail_server_the_page_says_so(tmp_path: Path) -> None:
    shop = PortalShop(tmp_path)
    without = shop.installation.settings.portal.model_copy(update={"mail_host": None})
    shop.installation.settings.__dict__["portal"] = without
    with portal_of(shop) as url:
        assert "is not set up" in Visitor(url).get("").text
    shop.close()


@pytest.mark.parametrize("module", [post, words])
def test_docstring_examples_give_the_results_they_show(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
