"""Bearer tokens: a real provider on loopback signs them; what is forged, old or for others is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from agent_serving.authentication.oidc import TokenVerifier
from agent_serving.errors import AuthenticationFailed, ProviderUnavailable
from installation.http_settings import OidcSettings
from privacy.access.role import built_in_roles
from tests.agent_serving.authentication.oidc_provider import NOW, Provider, running_provider

SECONDS = int(NOW.timestamp())


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as found:
        yield found


def verifier(provider: Provider, **changes: Any) -> TokenVerifier:
    settings = OidcSettings(issuer=provider.issuer, audience="bojagi", **changes)
    return TokenVerifier(settings, built_in_roles(), lambda: NOW)


def test_a_token_gives_role_and_purposes(provider: Provider) -> None:
    checks = verifier(provider)
    identity = checks.authenticate(provider.token())
    assert (identity.key, identity.caller.role) == ("oidc:user-1", "agent")
    assert identity.caller.purposes == {"personalisation"}
    assert checks.authenticate(provider.token(bojagi_purposes="personalisation service_delivery")).caller.purposes == {
        "personalisation", "service_delivery",
    }  # fmt: skip
    assert provider.asked.count("/realm/keys") == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": SECONDS - 60}, "expired_token"),
        ({"exp": None}, "invalid_token"),
        ({"nbf": SECONDS + 600}, "invalid_token"),
        ({"aud": "another"}, "invalid_token"),
        ({"iss": "https://evil.example"}, "invalid_token"),
        ({"sub": None}, "missing_claims"),
        ({"bojagi_role": None}, "missing_claims"),
        ({"bojagi_purposes": []}, "missing_claims"),
        ({"bojagi_purposes": {"a": 1}}, "missing_claims"),
        ({"bojagi_role": "root"}, "unknown_role"),
        ({"bojagi_purposes": ["marketing"]}, "unknown_purpose"),
    ],
)
def test_a_token_with_a_fault_is_refused(provider: Provider, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(AuthenticationFailed) as refusal:
        verifier(provider).authenticate(provider.token(**changes))
    assert refusal.value.code == code


def test_a_forged_signature_is_refused(provider: Provider) -> None:
    good = provider.token()
    stranger = ECKey.generate_key("P-256", {"kid": "one"})
    claims = jwt.decode(good, provider.keys[0], algorithms=["ES256"]).claims
    public = json.dumps(provider.keys[0].as_dict(private=False)).encode()
    forged = [
        jwt.encode({"alg": "ES256", "kid": "one"}, claims, stranger),
        jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(public)),
        "eyJhbGciOiJub25lIn0." + good.split(".")[1] + ".",
        good[:-4] + "AAAA",
        "a.b.c",
        "",
    ]
    checks = verifier(provider)
    for token in forged:
        with pytest.raises(AuthenticationFailed) as refusal:
            checks.authenticate(token)
        assert refusal.value.code == "invalid_token"


def test_keys_that_the_provider_rotates_are_fetched_again(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = verifier(provider)
    checks.authenticate(provider.token())
    provider.keys.append(ECKey.generate_key("P-256", {"kid": "two"}))
    with pytest.raises(AuthenticationFailed):  # the keys were fetched less than a minute ago
        checks.authenticate(provider.token())
    monkeypatch.setattr("agent_serving.authentication.oidc._FETCH_AGAIN_SECONDS", 0.0)
    assert checks.authenticate(provider.token())


def test_keys_from_a_file_need_no_network(provider: Provider, tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(KeySet(list(provider.keys)).as_dict(private=False)))
    assert verifier(provider, jwks_file=file).authenticate(provider.token())
    assert provider.asked == []


@pytest.mark.parametrize("fault", ["other issuer", "no keys", "file"])
def test_a_provider_that_cannot_be_read_lets_nobody_in(provider: Provider, fault: str, tmp_path: Path) -> None:
    token = provider.token()
    changes: dict[str, Any] = {}
    if fault == "other issuer":
        provider.issuer += "/other"
    elif fault == "file":
        changes = {"jwks_file": tmp_path / "absent.json"}
    else:
        provider.page = lambda path: {"unexpected": 1}  # type: ignore[method-assign]
    settings = OidcSettings(issuer=provider.issuer.removesuffix("/other"), audience="bojagi", **changes)
    with pytest.raises(ProviderUnavailable):
        TokenVerifier(settings, built_in_roles(), lambda: NOW).authenticate(token)


def test_known_keys_work_while_the_provider_cannot_be_read(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_serving.authentication.oidc._FETCH_AGAIN_SECONDS", 0.0)
    checks = verifier(provider)
    token = provider.token()
    checks.authenticate(token)
    monkeypatch.setattr(provider, "page", lambda path: "no metadata")
    with pytest.raises(AuthenticationFailed):
        checks.authenticate(token[:-8] + "AAAAAAAA")
    assert checks.authenticate(token).key == "oidc:user-1"
