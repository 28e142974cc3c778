"""Registers the handlers of pages: each gets a `Visit` in a thread of the portal, and each error becomes a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from agent_serving.errors import PortalUnavailable, ProviderUnavailable, TooManyRequests
from agent_serving.portal.errors import FormRefused
from agent_serving.portal.portal import Portal
from agent_serving.portal.visit import Visit, know_visitor, open_visit, read_form
from installation.errors import InstallationError
from installation.event_log import log_error
from privacy.consent.errors import ConsentError, InvalidRecordError, UnknownPurposeError
from privacy.errors import PrivacyError
from privacy.rights import errors as rights
from privacy.rights.wording import Wording
from privacy.storage.database import DATABASE_ERRORS

Handler = Callable[[Visit], Response]
Needs = Literal["person", "officer", None]
_BROKEN = Wording(
    "This page cannot be shown now, and nothing was changed. Please try again in a few minutes.",
    "지금은 이 페이지를 표시할 수 없습니다. 변경된 내용은 없습니다. 잠시 후 다시 시도해 주십시오.",
)
_INVALID = Wording("A field has a value that cannot be taken.", "입력하신 값 중 사용할 수 없는 값이 있습니다.")
_CASES: dict[type[Exception], tuple[int, Wording]] = {
    rights.UnknownRequestError: (
        404, Wording("There is no such request, or it is not yours.", "해당 요청이 없거나 고객님의 요청이 아닙니다.")
    ),
    rights.InvalidSubmissionError: (422, _INVALID),
    rights.RequestStateError: (
        409, Wording("The request has moved on, so this step is no longer possible.",
                     "요청의 상태가 바뀌어 이 단계를 진행할 수 없습니다.")
    ),
    rights.RightsRefusedError: (403, Wording("This step is not permitted.", "허용되지 않는 단계입니다.")),
    rights.TooManyRequestsError: (
        429, Wording("You have sent as many requests as one day allows. Please try again tomorrow.",
                     "하루에 보낼 수 있는 요청 수를 넘었습니다. 내일 다시 시도해 주십시오.")
    ),
    UnknownPurposeError: (404, Wording("There is no such purpose.", "해당 이용 목적이 없습니다.")),
    InvalidRecordError: (422, _INVALID),
    ConsentError: (409, Wording("This consent cannot be changed so.", "이 동의는 그렇게 변경할 수 없습니다.")),
    TooManyRequests: (
        429, Wording("Too many requests. Please wait a minute.", "요청이 너무 많습니다. 1분 뒤 다시 시도해 주십시오.")
    ),
}  # fmt: skip
_FORMS: dict[int, Wording] = {
    403: Wording(
        "This form is too old, or it was not sent from this page. Nothing was changed. Go back, reload the page and "
        "send it again; your browser must accept cookies of this site.",
        "양식이 오래되었거나 이 페이지에서 보낸 것이 아닙니다. 변경된 내용은 없습니다. "
        "뒤로 가서 페이지를 새로 고친 뒤 다시 보내 주십시오. 이 사이트의 쿠키를 허용해야 합니다.",
    ),
    413: Wording("The form is too large. Shorten your text.", "양식이 너무 큽니다. 내용을 줄여 주십시오."),
}
_EXPLAINED = (rights.RequestStateError, rights.RightsRefusedError, rights.InvalidSubmissionError, ConsentError)
"""Errors whose message helps an officer: it names commands and states, and no person."""


def add_page(router: APIRouter, method: str, path: str, handler: Handler, needs: Needs = None) -> None:
    """Register a page. Visitors without the needed session are led to the sign-in."""

    async def endpoint(request: Request) -> Response:
        portal: Portal = request.app.state.services.portal
        body = await request.body() if method == "POST" else b""
        return await portal.run(partial(_answered, portal, request, body, handler, needs))

    router.add_api_route(path, endpoint, methods=[method], include_in_schema=False, response_model=None)


def _answered(portal: Portal, request: Request, body: bytes, handler: Handler, needs: Needs) -> Response:
    visit = open_visit(portal, request)
    try:
        know_visitor(visit)
        visit.form = read_form(body, request.headers.get("content-type", ""))
        return visit.finish(_handled(visit, handler, needs))
    except Exception as error:  # noqa: BLE001 - the edge to a person, who gets a page; the log has kind and place
        return visit.finish(_page_of(visit, error))


def _handled(visit: Visit, handler: Handler, needs: Needs) -> Response:
    signed_in = visit.person or visit.officer
    if (needs == "person" and visit.person is None) or (needs == "officer" and visit.officer is None):
        return visit.redirect("/officer/sign-in" if needs == "officer" else "/sign-in?again=1")
    is_form = visit.request.method == "POST"
    if signed_in:
        visit.portal.count(visit.secret)
    elif is_form:
        visit.portal.count_stranger(visit.request.client.host if visit.request.client else "")
    if is_form:
        visit.require_own_form()
    return handler(visit)


def _page_of(visit: Visit, error: Exception) -> Response:
    known = next((kind for kind in type(error).__mro__ if kind in _CASES), None)
    detail = str(error) if visit.officer is not None and isinstance(error, _EXPLAINED) else ""
    if isinstance(error, FormRefused):
        status, text = error.status, _FORMS.get(error.status, _INVALID)
        # Names of fields are ours; what was entered is not repeated.
        detail = str(error) if status == 422 else ""
    elif isinstance(error, HTTPException):
        status, text = error.status_code, Wording("There is no such page.", "해당 페이지가 없습니다.")
    elif known is not None:
        status, text = _CASES[known]
    else:
        log_error(error)
        is_known = isinstance(error, _UNAVAILABLE)
        status, text = (503 if is_known else 500), _BROKEN
    visit.request.state.code = type(error).__name__
    response = visit.render("error", status, text=text, detail=detail)
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.seconds)
    return response


_UNAVAILABLE = (PortalUnavailable, ProviderUnavailable, InstallationError, PrivacyError, OSError, *DATABASE_ERRORS)
