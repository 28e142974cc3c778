"""Errors of the HTTP application. Messages name keys, settings and limits, never personal data or a secret."""


class ServingError(Exception):
    """Base of every error that this package raises on purpose."""


class ServerStartError(ServingError):
    """The server cannot start with these settings or this data folder."""


class ApiKeyError(ServingError):
    """An API key cannot be made, found or revoked."""


class StaffAccountError(ServingError):
    """An account of the console cannot be made, found or revoked."""


class AuthenticationFailed(ServingError):
    """The request has no valid key or token. `code` is a stable word for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProviderUnavailable(ServingError):
    """The OpenID Connect provider's public keys cannot be read, so no token can be checked."""


class TooManyRequests(ServingError):
    """The caller must wait `seconds` before its next request."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class SiteUnavailable(ServingError):
    """The sessions of a web site cannot be read or written, or its queue of mails is full."""


class ToolRefused(ServingError):
    """A tool may not be called in this context, or its arguments do not fit its schema."""


class ChatRefused(ServingError):
    """A conversation cannot be opened or continued as asked. `status` and `code` are for the HTTP answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class AgentNotInstalled(ServingError):
    """A package of the extra `agent` is missing."""
