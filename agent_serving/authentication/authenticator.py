"""Finds the caller of a request by its `Authorization` header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent_serving.authentication.api_key import PREFIX, ApiKeyStore
from agent_serving.authentication.identity import WRITER, Identity
from agent_serving.authentication.oidc import TokenVerifier
from agent_serving.errors import ApiKeyError, AuthenticationFailed, ProviderUnavailable
from privacy.storage.database import DATABASE_ERRORS


@dataclass(frozen=True)
class Authenticator:
    """Checks API keys, and bearer tokens where a provider is set.

    `open_keys` returns the calling thread's store of API keys.
    """

    open_keys: Callable[[], ApiKeyStore]
    tokens: TokenVerifier | None

    def identity(self, header: str | None) -> Identity:
        """Return whose key or token the header holds.

        Raises:
            AuthenticationFailed: the header is missing, or its key or token is not valid.
            ProviderUnavailable: keys or tokens cannot be checked now.
        """
        scheme, _, credential = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not credential:
            raise AuthenticationFailed(
                "missing_credential", "Send `Authorization: Bearer KEY` with an API key or a bearer token."
            )
        if credential.startswith(PREFIX):
            try:
                found = self.open_keys().authenticate(credential)
            except (ApiKeyError, *DATABASE_ERRORS) as error:
                raise ProviderUnavailable("The store of API keys cannot be read.") from error
            if found.caller.role == WRITER:
                raise AuthenticationFailed("invalid_key", "A write key only sends events. Use an API key.")
            return found
        if self.tokens is None:
            raise AuthenticationFailed(
                "invalid_key", "The API key is not valid. Make one with `bojagi api-key create`."
            )
        return self.tokens.authenticate(credential)
