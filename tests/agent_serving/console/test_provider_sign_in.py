"""Sign-in at an OpenID Connect provider: the whole flow, and every answer that was not meant for this browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from agent_serving.request_limit import RateLimit
from installation.installation import Installation
from installation.settings import load_settings
from tests.agent_serving.authentication.oidc_provider import SECRET, Provider, running_provider
from tests.agent_serving.console.console_shop import StaffBrowser, console_of
from tests.features.retrieval.feature_shop import NOON, ZONE

CLAIMS = {"bojagi_role": "marketer", "bojagi_purposes": ["marketing"]}


@pytest.fixture(scope="module", params=["secret", "pkce"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Provider, str]]:
    """A provider, and the address of a console whose staff sign in there; its client has a secret, or PKCE alone."""
    tmp_path = tmp_path_factory.mktemp("provider")
    moment = NOON.replace(tzinfo=ZONE)
    with running_provider(moment) as provider:
        client: dict[str, Any] = {"client_id": "bojagi-console"}
        if request.param == "secret":
            file = tmp_path / "oidc"
            file.touch(0o600)
            file.write_text(f"{SECRET}\n")
            client["client_secret_file"] = file
        settings = load_settings(
            data_dir=tmp_path / "data", oidc={"issuer": provider.issuer, "audience": "bojagi", **client},
            console={"public_url": "http://127.0.0.1:9"},
        )  # fmt: skip
        with Installation(settings, lambda: moment) as installation:
            _ = installation.consent_store  # an application without a record of consents does not start
            with console_of(installation) as url:
                yield provider, url


@pytest.fixture
def console(served: tuple[Provider, str]) -> tuple[Provider, str]:
    """The same, with the claims of a marketer."""
    served[0].claims = dict(CLAIMS)
    return served


def answer_of(browser: StaffBrowser, path: str = "/sign-in/provider") -> str:
    """Begin a sign-in and return the query with which the provider sends the browser back."""
    gone = browser.http.get(f"/console{path}")
    assert gone.status_code == 303
    back = httpx.get(gone.headers["location"]).headers["location"]
    assert back.startswith("http://127.0.0.1:9/console/sign-in/callback?")
    return str(urlsplit(back).query)


def test_the_role_and_purposes_of_the_token_count(console: tuple[Provider, str]) -> None:
    _, url = console
    browser = StaffBrowser(url)
    answer = browser.get(f"/sign-in/callback?{answer_of(browser, '/sign-in/provider?next=/console/segment')}")
    assert "What do you use the data for?" in answer.text
    assert ('value="marketing"' in answer.text, 'value="personalisation"' in answer.text) == (True, False)
    assert 'name="next" value="/console/segment"' in answer.text
    assert browser.post("/purpose", purpose="personalisation").status_code == 422
    browser.get("/purpose")
    answer = browser.post("/purpose", purpose="marketing")
    assert (answer.status_code, "oidc:user-1" in answer.text, ">Marketer<" in answer.text) == (200, True, True)


def test_an_answer_is_taken_once_and_only_from_the_browser_that_began(console: tuple[Provider, str]) -> None:
    _, url = console
    browser, other = StaffBrowser(url), StaffBrowser(url)
    query = answer_of(browser)
    # A stranger's answer in another browser would sign that browser in as the stranger.
    assert other.get(f"/sign-in/callback?{query}").status_code == 401
    other.http.get("/console/sign-in/provider")
    assert other.get(f"/sign-in/callback?{query}").status_code == 401
    assert browser.http.get(f"/console/sign-in/callback?{query}").status_code == 303
    assert browser.get(f"/sign-in/callback?{query}").status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"}, {"nonce": None}, {"aud": "bojagi"}, {"aud": ["bojagi-console", "x"], "azp": "x"},
        {"iss": "https://evil.example"}, {"bojagi_role": "agent", "bojagi_purposes": ["personalisation"]},
        {"bojagi_role": "root"}, {"bojagi_purposes": ["analytics"]}, {"sub": None}, {"exp": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_that_does_not_fit_signs_nobody_in(console: tuple[Provider, str], changes: dict[str, Any]) -> None:
    provider, url = console
    provider.claims |= changes
    browser = StaffBrowser(url)
    assert browser.get(f"/sign-in/callback?{answer_of(browser)}").status_code == 401
    assert browser.http.get("/console").headers["location"].startswith("/console/sign-in")


@pytest.mark.parametrize("change", ["state", "code", "iss", "error"])
def test_an_answer_that_was_changed_signs_nobody_in(console: tuple[Provider, str], change: str) -> None:
    _, url = console
    browser = StaffBrowser(url)
    given = {name: found[0] for name, found in parse_qs(answer_of(browser)).items()}
    given = {"error": "access_denied", "state": given["state"]} if change == "error" else given | {change: "x"}
    assert browser.get(f"/sign-in/callback?{httpx.QueryParams(given)}").status_code == 401


def test_a_code_of_another_sign_in_fails_by_its_verifier(console: tuple[Provider, str]) -> None:
    _, url = console
    victim, attacker = StaffBrowser(url), StaffBrowser(url)
    stolen = parse_qs(answer_of(victim))["code"][0]
    own = {name: found[0] for name, found in parse_qs(answer_of(attacker)).items()}
    assert attacker.get(f"/sign-in/callback?{httpx.QueryParams(own | {'code': stolen})}").status_code == 401


def test_a_provider_that_is_gone_is_told(console: tuple[Provider, str], monkeypatch: pytest.MonkeyPatch) -> None:
    provider, url = console
    browser = StaffBrowser(url)
    query = answer_of(browser)
    monkeypatch.setattr(provider, "issuer", "https://another.example")
    assert browser.get(f"/sign-in/callback?{query}").status_code == 503
    assert browser.get("/sign-in/provider").status_code == 503


def test_a_flood_of_sign_ins_does_not_reach_the_provider(
    console: tuple[Provider, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, url = console
    waits = iter([0] * 3 + [60] * 3)
    monkeypatch.setattr(RateLimit, "seconds_to_wait", lambda self, caller: next(waits))
    provider.asked.clear()
    statuses = [httpx.get(f"{url}/console/sign-in/provider").status_code for _ in range(6)]
    assert statuses == [303] * 3 + [429] * 3
    assert len(provider.asked) == 3
