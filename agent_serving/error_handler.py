"""Turns the known errors of the services into answers. `observation` answers the others with a constant 500."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent_serving.errors import (
    AgentNotInstalled,
    AuthenticationFailed,
    ChatRefused,
    ProviderUnavailable,
    SiteUnavailable,
    TooManyRequests,
)
from agent_serving.problem import problem
from agent_serving.router import chat, feature, recommendation, rights
from features.errors import RetrievalFailed, TooManyCustomersError, UnknownFeatureError, UnknownServiceError
from features.recommend.errors import PolicyMismatchError, UnknownContextError, UnknownObjectiveError
from installation.errors import InstallationError
from installation.event_log import log_error
from privacy.access.errors import AccessRefused
from privacy.consent.errors import UnknownPurposeError
from privacy.errors import PrivacyError
from privacy.rights import errors as rights_error
from privacy.storage.database import DATABASE_ERRORS

_RETRY_SECONDS = "5"
_LONGEST_DETAIL = 400
"""An unknown name is repeated, and may be long."""
# Error -> status and code. The message is the detail: these errors name services, purposes and limits only.
_NAMED: dict[type[Exception], tuple[int, str]] = {
    AccessRefused: (403, "not_permitted"),
    UnknownServiceError: (404, "unknown_service"),
    UnknownFeatureError: (404, "unknown_feature"),
    UnknownPurposeError: (404, "unknown_purpose"),
    TooManyCustomersError: (422, "too_many_customers"),
    UnknownObjectiveError: (404, "unknown_objective"),
    UnknownContextError: (404, "unknown_context"),
    PolicyMismatchError: (409, "policy_does_not_fit"),
    AgentNotInstalled: (501, "agent_not_installed"),
    rights_error.UnknownRequestError: (404, "unknown_request"),
    rights_error.InvalidSubmissionError: (422, "invalid_request"),
    rights_error.RequestStateError: (409, "wrong_state"),
    rights_error.RightsRefusedError: (403, "not_permitted"),
    rights_error.TooManyRequestsError: (429, "too_many_requests"),
}
_FIELDS = (
    feature.FIELDS
    | recommendation.FIELDS
    | chat.FIELDS
    | rights.FIELDS
    | {"query", "path", "state", "right", "limit", "offset", "number"}
)
"""Names that an answer about a faulty request may repeat."""


def add_error_handlers(app: FastAPI) -> None:
    """Register the handlers of every error that a route may raise."""

    def handles(kind: type[Exception], answer: Callable[[Request, Any], Response]) -> None:
        async def handler(request: Request, error: Exception) -> Response:
            return answer(request, error)

        app.add_exception_handler(kind, handler)

    for kind in _NAMED:
        handles(kind, _answer_named)
    handles(ChatRefused, lambda request, error: _noted(request, error.status, error.code, str(error)))
    handles(AuthenticationFailed, _answer_unauthenticated)
    handles(TooManyRequests, _answer_too_many)
    handles(ProviderUnavailable, _answer_unavailable)
    # Whatever else the engine, a store or the disk refuses: nothing was released, and no change was made.
    for kind in (RetrievalFailed, SiteUnavailable, PrivacyError, InstallationError, OSError, *DATABASE_ERRORS):
        handles(kind, _answer_unavailable)
    handles(ValidationError, _answer_invalid)
    handles(RequestValidationError, _answer_invalid)
    handles(HTTPException, _answer_http)


def _noted(request: Request, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    request.state.code = code
    return problem(status, code, detail, headers)


def _answer_named(request: Request, error: Exception) -> Response:
    status, code = next(_NAMED[kind] for kind in type(error).__mro__ if kind in _NAMED)
    return _noted(request, status, code, str(error)[:_LONGEST_DETAIL])


def _answer_unauthenticated(request: Request, error: AuthenticationFailed) -> Response:
    return _noted(request, 401, error.code, str(error), {"WWW-Authenticate": 'Bearer realm="bojagi"'})


def _answer_too_many(request: Request, error: TooManyRequests) -> Response:
    detail = f"{error} Wait {error.seconds} s."
    return _noted(request, 429, "too_many_requests", detail, {"Retry-After": str(error.seconds)})


def _answer_unavailable(request: Request, error: Exception) -> Response:
    log_error(error, source="bojagi.serve")
    detail = "The service cannot answer now, and it has released nothing. Try again; its log says why."
    return _noted(request, 503, "unavailable", detail, {"Retry-After": _RETRY_SECONDS})


def _answer_invalid(request: Request, error: ValidationError | RequestValidationError) -> Response:
    """Name each faulty field and what it should be. Values and unknown names are left out: they may be personal."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        detail = "The body is not JSON. Send an object as the OpenAPI description says."
        return _noted(request, 400, "invalid_json", detail)
    told = "; ".join(f"{_place(fault['loc']) or 'body'}: {fault['msg']}" for fault in faults[:5])
    return _noted(request, 422, "invalid_request", f"{told}.")


def _place(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part) if part in _FIELDS or isinstance(part, int) else "(another field)" for part in parts)


def _answer_http(request: Request, error: HTTPException) -> Response:
    code = {404: "not_found", 405: "method_not_allowed", 400: "invalid_body"}.get(error.status_code, "http_error")
    return _noted(request, error.status_code, code, str(error.detail), dict(error.headers or {}))
