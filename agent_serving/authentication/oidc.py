"""Bearer tokens of an OpenID Connect provider: signature, issuer, audience and times are checked, claims give the role.

The provider's public keys come from a file or from its `jwks_uri` (OpenID Connect Discovery 1.0, section 4). They are
fetched again when a token names an unknown key, at most once a minute: providers rotate their keys.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from agent_serving.authentication.identity import Identity, unknown_purposes
from agent_serving.errors import AuthenticationFailed, ProviderUnavailable
from features.retrieval.answer import Caller
from installation.http_settings import OidcSettings
from privacy.access.errors import AccessRefused
from privacy.access.role import Roles

ALGORITHMS = ["RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "Ed25519", "EdDSA"]
"""Signatures made with a private key. HS256 and `none` are left out: whoever has the public keys could forge one."""
LEEWAY_SECONDS = 30
FETCH_SECONDS = 5.0
_FETCH_AGAIN_SECONDS = 60.0
_RETRY_SECONDS = 2.0
"""Without any key, the keys are asked for so often."""


class TokenVerifier:
    """Checks tokens and returns their callers. Any number of threads may share it."""

    def __init__(self, settings: OidcSettings, roles: Roles, clock: Callable[[], datetime]) -> None:
        """Take the provider's settings, the known roles, and the clock, which returns the time with its zone."""
        self._settings, self._roles, self._clock = settings, roles, clock
        self._keys: KeySet | None = None
        self._fetched = -_FETCH_AGAIN_SECONDS
        self._lock = threading.Lock()

    def authenticate(self, token: str) -> Identity:
        """Return whose token this is.

        Raises:
            AuthenticationFailed: the token is malformed, wrongly signed, expired or for another audience, or its
                claims name no known role and purposes.
            ProviderUnavailable: the provider's keys cannot be read.
        """
        return self._identity(self._verified(token, self._settings.audience))

    def signed_in(self, token: str, client_id: str, nonce: str) -> Identity:
        """Return who has signed in, by an ID token for the client `client_id` with this nonce.

        Raises what `authenticate` raises.
        """
        claims = self._verified(token, client_id)
        given = claims.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise AuthenticationFailed("invalid_token", "The ID token belongs to another sign-in. Sign in again.")
        # OpenID Connect Core, section 3.1.3.7: a token for several audiences says for which party it was issued.
        if claims.get("azp", client_id) != client_id:
            raise AuthenticationFailed("invalid_token", "The ID token was issued for another client.")
        return self._identity(claims)

    def _identity(self, claims: dict[str, Any]) -> Identity:
        role, purposes = claims.get(self._settings.role_claim), claims.get(self._settings.purposes_claim)
        named = frozenset(purposes.split() if isinstance(purposes, str) else _texts(purposes))
        subject = claims.get("sub")
        if not isinstance(role, str) or not named or not isinstance(subject, str) or not subject:
            wanted = f"sub, {self._settings.role_claim} and {self._settings.purposes_claim}"
            raise AuthenticationFailed("missing_claims", f"The token lacks a claim; expected {wanted}.")
        try:
            excess = unknown_purposes(self._roles, role, named)
        except AccessRefused as error:
            raise AuthenticationFailed(
                "unknown_role", f"The token's {self._settings.role_claim} is no role."
            ) from error
        if excess:
            raise AuthenticationFailed("unknown_purpose", f"The role {role} does not have each purpose of the token.")
        return Identity(Caller(f"oidc:{subject}"[:100], role, named, "authenticated"), f"oidc:{subject}")

    def _verified(self, token: str, audience: str) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock().timestamp()), leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": audience}, exp={"essential": True},
        )  # fmt: skip
        try:
            found = self._decoded(token)
            registry.validate(found.claims)
        except (JoseError, ValueError) as error:
            code = "expired_token" if getattr(error, "error", "") == "expired_token" else "invalid_token"
            said = "has expired" if code == "expired_token" else "is not valid"
            raise AuthenticationFailed(code, f"The bearer token {said}. Sign in at the provider again.") from error
        return found.claims

    def _decoded(self, token: str) -> jwt.Token:
        keys = self._known_keys()
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            newer = self._known_keys(again=True)
            if newer is keys:
                raise
            return jwt.decode(token, newer, algorithms=ALGORITHMS)

    def _known_keys(self, *, again: bool = False) -> KeySet:
        known = self._keys
        # While one thread fetches, the others use the keys that are known.
        if known is not None and (not again or not self._lock.acquire(blocking=False)):
            return known
        if known is None:
            self._lock.acquire()
        try:
            wait = _RETRY_SECONDS if self._keys is None else _FETCH_AGAIN_SECONDS
            if time.monotonic() - self._fetched >= wait:
                # Noted before the attempt, so that a provider that hangs delays few tokens.
                self._fetched = time.monotonic()
                try:
                    self._keys = self._read_keys()
                except ProviderUnavailable:
                    if self._keys is None:
                        raise
            if self._keys is None:
                raise ProviderUnavailable("The provider's public keys could not be read a moment ago. Check [oidc].")
            return self._keys
        finally:
            self._lock.release()

    def _read_keys(self) -> KeySet:
        place = self._settings.jwks_file or self._settings.issuer
        try:
            if self._settings.jwks_file is not None:
                found = json.loads(self._settings.jwks_file.read_text("utf-8"))
            else:
                found = self._fetch_keys()
            return KeySet.import_key_set(found)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, httpx.HTTPError, JoseError) as error:
            raise ProviderUnavailable(
                f"{place}: the provider's public keys cannot be read ({type(error).__name__}). Check [oidc]."
            ) from error

    def _fetch_keys(self) -> Any:
        return _fetched(read_metadata(self._settings.issuer)["jwks_uri"])


def read_metadata(issuer: str) -> Mapping[str, str]:
    """Return the provider's description of itself (OpenID Connect Discovery 1.0, section 4).

    Raises:
        ValueError: it describes another issuer, or is no JSON.
        httpx.HTTPError: it cannot be fetched.
    """
    described = _fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if described.get("issuer") != issuer:
        raise ValueError("the provider describes another issuer")
    metadata: Mapping[str, str] = OpenIDProviderMetadata(described)
    return metadata


def _fetched(address: str) -> Any:
    with httpx.Client(timeout=FETCH_SECONDS, follow_redirects=False, trust_env=False) as client:
        return client.get(address).raise_for_status().json()


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
