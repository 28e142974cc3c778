"""Routes of the collector: Segment's HTTP tracking API, and the settings that browser SDKs ask for.

Any web page may send, so every origin is allowed; no cookie is read or set. The answers are those of Segment's API, but
for a wrong write key (401, where Segment answers 200) and for a message over 32 kB (400).
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPBasic
from pydantic import BaseModel
from starlette.responses import Response

from agent_serving.collector.collector import TrackingRequest
from agent_serving.collector.errors import CollectionRefused
from agent_serving.collector.received_event import SignalHeaders
from agent_serving.collector.sdk_settings import rudder_settings, segment_settings
from agent_serving.errors import AuthenticationFailed
from agent_serving.problem import MEDIA_TYPE, Problem, problem
from agent_serving.services import Services

router = APIRouter(tags=["collection"])
KINDS = {
    "track": "track", "identify": "identify", "page": "page", "screen": "screen", "group": "group", "alias": "alias",
    "t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias",
}  # fmt: skip
"""The call of each path; analytics.js uses the short ones."""
BATCHES = ("batch", "b", "import")
_CORS = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {**_CORS, "Access-Control-Allow-Methods": "GET, POST, OPTIONS", "Access-Control-Max-Age": "86400"}
_MESSAGE: dict[str, Any] = {"type": "object", "title": "Message"}
_BATCH = {"type": "object", "required": ["batch"], "properties": {"batch": {"type": "array", "items": _MESSAGE}}}
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": told, "model": Problem, "content": {MEDIA_TYPE: {}}}
    for status, told in {
        400: "The body is not JSON, or is too large.", 401: "No valid write key.", 413: "The body is too large.",
        429: "Too many events wait; Retry-After says when.", 503: "Nothing was stored; Retry-After says when.",
    }.items()
}  # fmt: skip
_basic = HTTPBasic(auto_error=False, description="The write key of `bojagi collect key create` as the user.")


class Accepted(BaseModel):
    """The events are on the disk, or the policy has decided otherwise."""

    success: Literal[True] = True


_ACCEPTED = orjson.dumps({"success": True})


async def collect(request: Request) -> Response:
    """Store the events of a request; 200 when they are on the disk."""
    services: Services = request.app.state.services
    kind = KINDS.get(request.url.path.rpartition("/")[2])
    encoding, signals = request.headers.get("content-encoding"), SignalHeaders(request.headers.get("sec-gpc"))
    try:
        found = TrackingRequest(await request.body(), encoding, kind, _key_of(request), signals)
        await services.collector.receive(found)
    except (CollectionRefused, AuthenticationFailed) as error:
        return _refused(request, error)
    return Response(_ACCEPTED, media_type="application/json", headers=_CORS)


async def preflight(request: Request) -> Response:
    """Allow a browser to send from any page, with the headers that its SDK names."""
    asked = request.headers.get("access-control-request-headers", "Authorization, Content-Type")
    return Response(status_code=204, headers={**_PREFLIGHT, "Access-Control-Allow-Headers": asked})


def _add_routes() -> None:
    for call in (*KINDS, *BATCHES):
        what = "Events" if call in BATCHES else f"A {KINDS[call]} call"
        body = _BATCH if call in BATCHES else _MESSAGE
        router.add_api_route(
            f"/v1/{call}", collect, methods=["POST"], response_model=Accepted, responses=_FAILURES,
            summary=f"{what} of a Segment or RudderStack SDK.", dependencies=[Depends(_basic)],
            openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
            # The other calls have the same form.
            include_in_schema=call in ("track", "batch"),
        )  # fmt: skip
    for path in (*(f"/v1/{call}" for call in (*KINDS, *BATCHES)), "/sourceConfig", "/sourceConfig/"):
        router.add_api_route(path, preflight, methods=["OPTIONS"], include_in_schema=False)


_add_routes()


@router.get("/v1/projects/{key}/settings", include_in_schema=False)
async def read_segment_settings(key: str, request: Request) -> Response:
    """Return where Segment's analytics.js sends its events."""
    services: Services = request.app.state.services
    try:
        await services.collector.source_of(key)
    except AuthenticationFailed as error:
        return _refused(request, error)
    return _json(segment_settings(key, _origin(request)))


@router.get("/sourceConfig/", include_in_schema=False)
@router.get("/sourceConfig", include_in_schema=False)
async def read_rudder_settings(request: Request) -> Response:
    """Return the source configuration of RudderStack's SDK."""
    services: Services = request.app.state.services
    key = request.query_params.get("writeKey") or _key_of(request) or ""
    try:
        source = await services.collector.source_of(key)
    except AuthenticationFailed as error:
        return _refused(request, error)
    return _json(rudder_settings(key, source, services.installation.clock().isoformat()))


def _key_of(request: Request) -> str | None:
    """Return the user of Basic authentication."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credential, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _origin(request: Request) -> str:
    public = request.app.state.services.installation.settings.http.public_url
    return public or f"{request.url.scheme}://{request.url.netloc}"


def _refused(request: Request, error: CollectionRefused | AuthenticationFailed) -> Response:
    request.state.code = error.code
    if isinstance(error, AuthenticationFailed):
        status, headers = 401, {**_CORS, "WWW-Authenticate": 'Basic realm="bojagi"'}
    else:
        wait = error.retry_after_seconds
        status, headers = error.status, {**_CORS, **({"Retry-After": str(wait)} if wait else {})}
    # The SDKs for Python read `message`.
    return problem(status, error.code, str(error), headers, message=str(error))


def _json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json", headers=_CORS)
