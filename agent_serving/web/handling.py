"""Registers the handlers of pages: each gets a `Visit` in a thread of its site, and each error becomes a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from agent_serving.errors import ProviderUnavailable, SiteUnavailable, TooManyRequests
from agent_serving.web.errors import FormRefused
from agent_serving.web.refusal import BROKEN, CROWDED, FORMS, INVALID, UNKNOWN_PAGE
from agent_serving.web.visit import Visit, read_form
from installation.errors import InstallationError
from installation.event_log import log_error
from privacy.errors import PrivacyError
from privacy.storage.database import DATABASE_ERRORS

VisitT = TypeVar("VisitT", bound=Visit)


def register(
    router: APIRouter, method: str, path: str, opened: Callable[[Request], VisitT],
    handler: Callable[[VisitT], Response], turned_away: Callable[[VisitT], Response | None],
) -> None:  # fmt: skip
    """Register a page.

    Args:
        router: gets the route.
        method: GET or POST.
        path: below the router's.
        opened: returns the visit of a request.
        handler: returns the page. It runs in a thread of the site, after the checks of the visit.
        turned_away: returns the answer to a visitor without the needed session; None lets the visitor in.
    """

    async def endpoint(request: Request) -> Response:
        body = await request.body() if method == "POST" else b""
        visit = opened(request)
        return await visit.site.run(partial(_answered, visit, body, handler, turned_away))

    router.add_api_route(path, endpoint, methods=[method], include_in_schema=False, response_model=None)


def refuse_unknown(visit: Visit) -> Response:
    """Show that there is no such page."""
    raise HTTPException(404)


def _answered(
    visit: VisitT, body: bytes, handler: Callable[[VisitT], Response], turned_away: Callable[[VisitT], Response | None]
) -> Response:
    try:
        visit.know_visitor()
        visit.form = read_form(body, visit.request.headers.get("content-type", ""))
        return visit.finish(turned_away(visit) or _handled(visit, handler))
    except Exception as error:  # noqa: BLE001 - the edge to a person, who gets a page; the log has kind and place
        return visit.finish(_page_of(visit, error))


def _handled(visit: VisitT, handler: Callable[[VisitT], Response]) -> Response:
    is_form = visit.request.method == "POST"
    if visit.is_signed_in:
        visit.site.count(visit.secret)
    elif is_form:
        visit.count_stranger()
    if is_form:
        visit.require_own_form()
    return handler(visit)


def _page_of(visit: Visit, error: Exception) -> Response:
    cases = visit.site.cases
    known = next((kind for kind in type(error).__mro__ if kind in cases), None)
    detail = str(error) if visit.is_staff and isinstance(error, visit.site.explained) else ""
    if isinstance(error, FormRefused):
        status, text = error.status, FORMS.get(error.status, INVALID)
        # Names of fields are ours; what was entered is not repeated.
        detail = str(error) if status == 422 else ""
    elif isinstance(error, HTTPException):
        status, text = error.status_code, UNKNOWN_PAGE
    elif isinstance(error, TooManyRequests):
        status, text = 429, CROWDED
    elif known is not None:
        status, text = cases[known]
    else:
        log_error(error)
        status, text = (503 if isinstance(error, _UNAVAILABLE) else 500), BROKEN
    visit.request.state.code = type(error).__name__
    response = visit.render("error", status, text=text, detail=detail)
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.seconds)
    return response


_UNAVAILABLE = (SiteUnavailable, ProviderUnavailable, InstallationError, PrivacyError, OSError, *DATABASE_ERRORS)
