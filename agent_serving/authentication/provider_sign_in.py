"""Sign-in at an OpenID Connect provider: the authorization code flow with PKCE (OpenID Connect Core, RFC 7636).

begin → the browser goes to the provider → the provider sends it back with a code → finish: the code becomes an ID token
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping

import httpx
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.base import OAuth2Error

from agent_serving.authentication.identity import Identity
from agent_serving.authentication.oidc import FETCH_SECONDS, TokenVerifier, read_metadata
from agent_serving.errors import AuthenticationFailed, ProviderUnavailable
from installation.http_settings import OidcSettings
from installation.private_text import read_private_text

_REFUSED = "The provider's answer cannot be used. Begin the sign-in again."


class ProviderSignIn:
    """Begins and finishes sign-ins. Any number of threads may share it. `settings.client_id` is set."""

    def __init__(self, settings: OidcSettings, tokens: TokenVerifier) -> None:
        self._settings, self._tokens = settings, tokens

    def begin(self, callback: str) -> tuple[str, dict[str, str]]:
        """Return the address at the provider, and what `finish` needs: kept on this side, and bound to the browser.

        Args:
            callback: the address to which the provider sends the browser back.

        Raises:
            ProviderUnavailable: the provider's description cannot be read.
        """
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "code_verifier")}
        place = self._metadata()["authorization_endpoint"]
        with self._client(callback) as client:
            address, _ = client.create_authorization_url(place, **kept)
        return str(address), kept

    def finish(self, answer: Mapping[str, str], kept: Mapping[str, str], callback: str) -> Identity:
        """Return who has signed in.

        Args:
            answer: the query that the provider sent with the browser.
            kept: what `begin` returned for this browser.
            callback: as for `begin`.

        Raises:
            AuthenticationFailed: the answer is not for this browser, or the provider or the ID token refuse it.
            ProviderUnavailable: the provider does not answer.
        """
        issuer = answer.get("iss", self._settings.issuer)  # RFC 9207
        if not hmac.compare_digest(answer.get("state", "").encode(), kept["state"].encode()) or (
            issuer != self._settings.issuer or "code" not in answer
        ):
            raise AuthenticationFailed("invalid_answer", _REFUSED)
        place = self._metadata()["token_endpoint"]
        try:
            with self._client(callback) as client:
                found = client.fetch_token(place, code=answer["code"], code_verifier=kept["code_verifier"])
        except (OAuthError, OAuth2Error) as error:
            raise AuthenticationFailed("invalid_answer", _REFUSED) from error
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderUnavailable("The provider does not answer. Try again.") from error
        return self._tokens.signed_in(str(found.get("id_token", "")), str(self._settings.client_id), kept["nonce"])

    def _client(self, callback: str) -> OAuth2Client:
        file = self._settings.client_secret_file
        secret = None if file is None else read_private_text(file, "oidc.client_secret_file")
        return OAuth2Client(
            self._settings.client_id, secret, redirect_uri=callback, scope="openid", code_challenge_method="S256",
            token_endpoint_auth_method="none" if secret is None else "client_secret_basic", timeout=FETCH_SECONDS,
            trust_env=False,
        )  # fmt: skip

    def _metadata(self) -> Mapping[str, str]:
        try:
            return read_metadata(self._settings.issuer)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, httpx.HTTPError) as error:
            raise ProviderUnavailable("The provider's description cannot be read. Check [oidc].") from error
