"""Routes of data-subject requests, for programs: submit, list, show, verify, approve, refuse, extend, withdraw.

A privacy officer's key may do every step. An agent's key may only submit; such a request waits for a proof of identity.
Persons use the portal.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from agent_serving.authentication.identity import Identity
from agent_serving.problem import MEDIA_TYPE, Problem
from agent_serving.router.feature import bearer
from agent_serving.services import Services
from privacy.rights import request as model
from privacy.rights.deadline import Urgency
from privacy.rights.errors import RightsRefusedError
from privacy.rights.request_log import OFFICER
from privacy.rights.service import RequestView, RightsService

SUBMITTERS = frozenset({OFFICER, "agent"})
"""Roles whose keys may submit requests."""
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "model": Problem, "content": {MEDIA_TYPE: {}}}
    for status, description in {
        400: "The body is not JSON.", 401: "No valid key or token.", 403: "The caller, the law or a hold forbids it.",
        404: "No such request.", 409: "The request is in another state.", 413: "The body is too large.",
        422: "A field is missing or wrong.", 429: "Too many requests.", 503: "A part fails; nothing was changed.",
    }.items()
}  # fmt: skip
router = APIRouter(prefix="/v1/rights", tags=["rights"], dependencies=[Depends(bearer)], responses=_FAILURES)

Answer = TypeVar("Answer")
Number = Annotated[str, Field(description="Number of the request.", max_length=100)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ProofGiven(_Body):
    """How an identity or a mandate was verified."""

    method: model.Name = Field(description="Such as passport_seen; no personal data.", examples=["passport_seen"])
    of: Literal["identity", "mandate"] = "identity"
    evidence: model.Sha256 | None = Field(default=None, description="SHA-256 of the document.")


class RefusalGiven(_Body):
    """The legal ground of a refusal, by its name in `law.yaml`, and an explanation for the person."""

    ground: model.Name = Field(examples=["identity_not_verified"])
    reason: Annotated[str, Field(max_length=2000)] = ""


class ExtensionGiven(_Body):
    """Why a deadline is extended; until when, where the law wants a day."""

    reason: Annotated[str, Field(min_length=3, max_length=2000)]
    until: date | None = None


class SubmittedRequest(BaseModel):
    """The request; `is_duplicate`: the same was open already."""

    request: model.Request
    is_duplicate: bool


class RequestDeadline(BaseModel):
    """The last day for the answer, the business days left, and how near it is."""

    due_on: date
    business_days_left: int
    urgency: Urgency


class ListedRequest(BaseModel):
    """A request with its deadline."""

    request: model.Request
    deadline: RequestDeadline


class HoldInForce(BaseModel):
    """A legal hold that forbids the erasure."""

    id: str
    ground: str
    placed_at: AwareDatetime


class ShownRequest(ListedRequest):
    """A request with its deadline, history and holds. Nothing in it is personal."""

    events: list[model.Event]
    holds: list[HoldInForce]
    repetitions: int


def _described(body: type[BaseModel]) -> dict[str, Any]:
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    inlined = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inlined}}}}


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema with each reference replaced by what it refers to."""
    if isinstance(part, dict):
        if "$ref" in part:
            return _inlined(definitions[part["$ref"].rpartition("/")[2]], definitions)
        return {name: _inlined(value, definitions) for name, value in part.items()}
    return [_inlined(value, definitions) for value in part] if isinstance(part, list) else part


FIELDS = frozenset(
    name
    for body in (model.Submission, model.CorrectionAsked, ProofGiven, RefusalGiven, ExtensionGiven)
    for name in body.model_fields
)
"""Names that an answer about a faulty request may repeat."""


@router.post("/requests", status_code=201, summary="Submit a request.", openapi_extra=_described(model.Submission))
async def submit(request: Request) -> SubmittedRequest:
    """Take a request about a customer. One that is open already and asks the same is returned instead."""
    body = await request.body()

    def work(service: RightsService, identity: Identity) -> SubmittedRequest:
        wanted = model.Submission.model_validate_json(body)
        if identity.caller.role != OFFICER or wanted.channel in ("cli", "portal"):
            # Only an officer can say that a request came by letter, and when.
            wanted = wanted.model_copy(update={"channel": "http"})
        if identity.caller.role != OFFICER:
            wanted = wanted.model_copy(update={"received_at": None})
        done = service.submit(wanted, _actor(identity))
        return SubmittedRequest(request=done.request, is_duplicate=done.is_duplicate)

    return await _run(request, work, SUBMITTERS)


@router.get("/requests", summary="Requests, open ones first, then by their last day.")
async def list_requests(
    request: Request,
    state: Annotated[list[model.State] | None, Query(max_length=7)] = None,
    right: model.Right | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> list[ListedRequest]:
    """Return requests with their deadlines."""

    def work(service: RightsService, _: Identity) -> list[ListedRequest]:
        found = service.requests(state, right)[offset : offset + limit]
        return [ListedRequest(request=one, deadline=_deadline(service, one)) for one in found]

    return await _run(request, work)


@router.get("/requests/{number}", summary="One request with its history.")
async def show(request: Request, number: Number) -> ShownRequest:
    """Return a request with its deadline, history and legal holds."""

    def work(service: RightsService, _: Identity) -> ShownRequest:
        return _shown(service.show(number), service)

    return await _run(request, work)


@router.post("/requests/{number}/proof", summary="Record a proof of identity.", openapi_extra=_described(ProofGiven))
async def verify(request: Request, number: Number) -> model.Request:
    """Record that the identity of the requester, or the mandate of a guardian or an agent, was verified."""
    body = await request.body()

    def work(service: RightsService, identity: Identity) -> model.Request:
        given = ProofGiven.model_validate_json(body)
        return service.verify_identity(number, given.method, _actor(identity), of=given.of, evidence=given.evidence)

    return await _run(request, work)


@router.post("/requests/{number}/approval", summary="Approve a request.")
async def approve(request: Request, number: Number) -> model.Request:
    """Approve a request. An erasure, restriction or objection stops every use of the data at once."""
    return await _run(request, lambda service, identity: service.approve(number, _actor(identity)))


@router.post("/requests/{number}/refusal", summary="Refuse a request.", openapi_extra=_described(RefusalGiven))
async def refuse(request: Request, number: Number) -> model.Request:
    """Refuse a request on a legal ground."""
    body = await request.body()

    def work(service: RightsService, identity: Identity) -> model.Request:
        given = RefusalGiven.model_validate_json(body)
        return service.refuse(number, given.ground, _actor(identity), given.reason)

    return await _run(request, work)


@router.post("/requests/{number}/extension", summary="Extend the deadline.", openapi_extra=_described(ExtensionGiven))
async def extend(request: Request, number: Number) -> model.Request:
    """Extend the deadline of a request, as far as its law allows."""
    body = await request.body()

    def work(service: RightsService, identity: Identity) -> model.Request:
        given = ExtensionGiven.model_validate_json(body)
        return service.extend(number, given.reason, _actor(identity), given.until)

    return await _run(request, work)


@router.post("/requests/{number}/withdrawal", summary="Withdraw a request for the person.")
async def withdraw(request: Request, number: Number) -> model.Request:
    """End a request that the person no longer wants."""
    return await _run(request, lambda service, identity: service.withdraw(number, _actor(identity)))


@router.post(
    "/requests/{number}/answer", summary="The answer to a completed request.", response_class=Response,
    responses={200: {"content": {"application/zip": {}}, "description": "A ZIP archive."}},
)  # fmt: skip
async def answer(request: Request, number: Number) -> Response:
    """Return the answer, to be handed to the person. The disclosure is logged before."""
    content = await _run(request, lambda service, identity: service.answer(number, _actor(identity)))
    return Response(content, media_type="application/zip", headers={"Cache-Control": "no-store"})


async def _run(
    request: Request, work: Callable[[RightsService, Identity], Answer], roles: frozenset[str] = frozenset({OFFICER})
) -> Answer:
    services: Services = request.app.state.services

    def checked(identity: Identity) -> Answer:
        if identity.caller.role not in roles:
            raise RightsRefusedError(f"The role {identity.caller.role} may not do this; expected {OFFICER}.")
        return work(services.portal.rights, identity)

    return await services.answer(request, checked, runs_long=True)


def _actor(identity: Identity) -> model.Actor:
    return model.Actor(who=identity.caller.name[:200], role=identity.caller.role, identity="authenticated")


def _deadline(service: RightsService, request: model.Request) -> RequestDeadline:
    found = service.deadline(request)
    return RequestDeadline(due_on=found.due_on, business_days_left=found.business_days_left, urgency=found.urgency)


def _shown(view: RequestView, service: RightsService) -> ShownRequest:
    holds = [HoldInForce(id=hold.id, ground=hold.ground, placed_at=hold.placed_at) for hold in view.holds]
    return ShownRequest(
        request=view.request, deadline=_deadline(service, view.request), events=list(view.events), holds=holds,
        repetitions=view.repetitions,
    )  # fmt: skip
