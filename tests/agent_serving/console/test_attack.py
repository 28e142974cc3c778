"""Attacks on the console: prepared sessions, forged forms, frames, scripts in names, foreign addresses."""

from __future__ import annotations

from contextlib import closing

import httpx
import pytest

from agent_serving.console.console import open_accounts
from agent_serving.console.sign_in_page import safe_place
from agent_serving.web.pass_store import PassKind
from agent_serving.web.site import open_passes
from installation.installation import Installation
from tests.agent_serving.console.console_shop import StaffBrowser, follow_link, link_of, staff

PAGES = ("/sign-in", "/sign-in/link?token=x", "/nowhere", "/purpose", "")


def test_a_session_that_a_stranger_prepared_stays_worthless(installation: Installation, url: str) -> None:
    browser = StaffBrowser(url)
    browser.get("/sign-in")
    planted = "staff." + "A" * 43
    browser.http.cookies.set("bojagi_console", planted, domain="127.0.0.1")
    known = browser.http.cookies["bojagi_visitor"]
    follow_link(browser, link_of(installation, "analyst"))
    cookie = next(
        one.value for one in browser.http.cookies.jar if one.name == "bojagi_console" and one.value != planted
    )
    assert cookie is not None
    assert known not in cookie
    assert httpx.get(f"{url}/console", cookies={"bojagi_console": planted}).status_code == 303


def test_a_new_sign_in_and_a_sign_out_end_the_session_before(installation: Installation, url: str) -> None:
    browser = staff(installation, url, "analyst")
    first = browser.http.cookies["bojagi_console"]
    follow_link(browser, link_of(installation, "marketer"))
    assert httpx.get(f"{url}/console", cookies={"bojagi_console": first}).status_code == 303
    second = browser.http.cookies["bojagi_console"]
    browser.get("/purpose")
    browser.post("/sign-out")
    assert httpx.get(f"{url}/console", cookies={"bojagi_console": second}).status_code == 303


@pytest.mark.parametrize("kind", ["person", "officer", "link", "staff_link", "provider"])
def test_a_pass_of_another_kind_is_no_session(installation: Installation, url: str, kind: str) -> None:
    with closing(open_passes(installation)) as passes:
        secret = passes.issue(PassKind(kind), {"by": "provider", "name": "x", "role": "privacy_officer",
                                               "purposes": "legal_records", "purpose": "legal_records"})  # fmt: skip
    for told in (kind, "staff"):
        answer = httpx.get(f"{url}/console", cookies={"bojagi_console": f"{told}.{secret}"})
        assert answer.status_code == 303


@pytest.mark.parametrize("forged", ["no token", "token of another", "foreign site", "foreign origin"])
def test_a_form_that_is_not_of_this_page_changes_nothing(installation: Installation, url: str, forged: str) -> None:
    browser, other = staff(installation, url, "analyst"), staff(installation, url, "marketer")
    browser.get("/purpose")
    other.get("/purpose")
    token = {"no token": "", "token of another": other.form_token}.get(forged, browser.form_token)
    headers = {"foreign site": {"Sec-Fetch-Site": "cross-site"}, "foreign origin": {"Origin": "https://evil.example"}}
    sent = {"form_token": token, "purpose": "research"}
    answer = browser.http.post("/console/purpose", data=sent, headers=headers.get(forged, {}))
    assert answer.status_code == 403
    assert "Understand demand" in browser.get().text
    browser.get("/purpose")
    sent["form_token"] = browser.form_token
    assert browser.http.post("/console/purpose", data=sent).status_code == 303


def test_no_page_can_be_framed_or_run_a_script_of_its_own(installation: Installation, url: str) -> None:
    browser = staff(installation, url, "analyst")
    for path in PAGES:
        answer = browser.http.get(f"/console{path}")
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert " style=" not in answer.text
        assert "<script>" not in answer.text


def test_a_name_is_shown_as_text(installation: Installation, url: str) -> None:
    name = "O Neil. @-_ 김민지"
    with closing(open_accounts(installation)) as accounts:
        accounts.add(name, "analyst")
    browser = StaffBrowser(url)
    follow_link(browser, link_of(installation, name))
    assert f"<bdi>{name}</bdi>" in browser.get("/purpose").text
    text = browser.get("/sign-in?next=/console/%22%3E%3Cscript%3Ealert(1)%3C/script%3E&lang=%22%3E%3Cb%3E").text
    assert "<script>alert" not in text
    assert '"><b>' not in text


@pytest.mark.parametrize(
    "address",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/console/../portal", "/console//evil",
     "/consoleevil", "javascript:alert(1)", "/console/\nSet-Cookie: a=b",
     "/portal", "/console/sign-out", "/console/\u202e"],
)  # fmt: skip
def test_no_address_leads_out_of_the_console(installation: Installation, url: str, address: str) -> None:
    assert safe_place(address) == "/console"
    assert safe_place(address.replace("..", "%2e%2E")) == "/console"
    browser = StaffBrowser(url)
    follow_link(browser, link_of(installation, "analyst"))
    browser.get("/purpose")
    sent = {"form_token": browser.form_token, "purpose": "analytics", "next": address.replace("\n", "%0A")}
    led = browser.http.post("/console/purpose", data=sent).headers["location"]
    assert led.rstrip("/").removesuffix("%0ASet-Cookie:%20a=b").rstrip("/") == "/console"


def test_only_files_of_the_list_are_sent(url: str) -> None:
    for name in ("console.css", "console.js", "htmx.min.js", "echarts.min.js", "icon.svg"):
        assert httpx.get(f"{url}/console/static/{name}").status_code == 200
    for name in ("console.py", "..%2Fconsole.py", "%2e%2e/handling.py", "htmx.LICENSE", ""):
        assert httpx.get(f"{url}/console/static/{name}").status_code == 404
