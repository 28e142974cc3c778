"""Routes of features: values for customers, and the feature services that a caller may ask for."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agent_serving.authentication.identity import Identity
from agent_serving.problem import MEDIA_TYPE, Problem
from agent_serving.services import Services
from features.retrieval.answer import FeatureAnswer
from features.retrieval.reader import MOST_CUSTOMERS

bearer = HTTPBearer(auto_error=False, description="An API key of `bojagi api-key create`, or a token of the provider.")
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": told, "model": Problem, "content": {MEDIA_TYPE: {}}}
    for status, told in {
        400: "The body is not JSON.", 401: "No valid key or token.", 403: "The caller may not use this purpose here.",
        404: "No such feature service or purpose.", 413: "The body is too large.", 422: "A field is missing or wrong.",
        429: "Too many requests; Retry-After says when.", 503: "A part fails; nothing was released.",
    }.items()
}  # fmt: skip
router = APIRouter(prefix="/v1", tags=["features"], dependencies=[Depends(bearer)], responses=_FAILURES)

Name = Annotated[str, Field(min_length=1, max_length=200)]
LocalTime = Annotated[
    str, Field(description="The shop's local time, ISO 8601 without an offset.", examples=["2026-05-04T21:00:00"])
]
_EXAMPLE_CUSTOMER = "c_5f0c1d2e3b4a59687766554433221100"


class FeatureRequest(BaseModel):
    """Which features of which customers are needed, and what for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"service": "shopping_agent", "purpose": "personalisation", "customers": [_EXAMPLE_CUSTOMER]}]
        },
    )

    service: Name = Field(description="A feature service of `GET /v1/feature-services`.")
    purpose: Name = Field(description="What the values are used for. The key and the customer must allow it.")
    customers: list[Name] = Field(min_length=1, max_length=MOST_CUSTOMERS, description="Customer ids.")


_BODY = FeatureRequest.model_json_schema()
FIELDS = frozenset(FeatureRequest.model_fields)
"""Names that an answer about a faulty request may repeat."""


class CustomerValues(BaseModel):
    """The features of one customer. A value that is withheld is null and has a reason in `withheld`."""

    customer: str
    values: dict[str, Any]
    withheld: dict[str, str]
    event_times: dict[str, LocalTime]


class FeatureResponse(BaseModel):
    """The answer, with the customers in the order of the request. `moment` is the time of the decision."""

    service: str
    purpose: str
    moment: LocalTime
    customers: list[CustomerValues]


class FeatureDescription(BaseModel):
    """What a feature means. Null where the contract states none."""

    name: str
    definition: str
    type: str
    unit: str | None
    window: str | None
    freshness_seconds: int | None
    purposes: list[str]


class ServiceDescription(BaseModel):
    """A feature service: a named list of features for a use."""

    name: str
    description: str
    purposes: list[str]
    features: list[FeatureDescription]


@router.post(
    "/features", response_model=FeatureResponse, summary="Feature values of customers, for one purpose.",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}}}},
)  # fmt: skip
async def read_features(request: Request) -> Response:
    """Return each value that its customer permits for the purpose now. Others are null, with the reason.

    Reasons: `no_consent`, `objected`, `restricted`, `unknown_customer`, `stale`, `not_for_purpose`. The read is in the
    audit log before the answer leaves.
    """
    services: Services = request.app.state.services
    body = await request.body()

    def work(identity: Identity) -> bytes:
        # Here and not by FastAPI, so that a body of an unknown caller is not read.
        wanted = FeatureRequest.model_validate_json(body)
        found = services.features.retrieve(wanted.customers, wanted.service, wanted.purpose, identity.caller)
        outcomes = Counter(reason or "released" for row in found.customers for reason in row.reasons)
        for outcome, count in outcomes.items():
            services.metrics.values.labels(str(outcome)).inc(count)
        return written(found)

    return Response(await services.answer(request, work), media_type="application/json")


@router.get("/feature-services", summary="The feature services that the caller may ask for.")
async def list_services(request: Request) -> list[ServiceDescription]:
    """Return the services that serve one of the caller's purposes, with what each feature means."""
    services: Services = request.app.state.services
    return await services.answer(request, lambda identity: _descriptions(services, identity))


def written(found: FeatureAnswer) -> bytes:
    """Return an answer as JSON, with values by feature."""
    names = found.features
    customers = [
        {
            "customer": row.customer_id,
            "values": dict(zip(names, row.values, strict=True)),
            "withheld": {n: reason.value for n, reason in zip(names, row.reasons, strict=True) if reason is not None},
            "event_times": {n: t for n, t in zip(names, row.event_times, strict=True) if t is not None},
        }
        for row in found.customers
    ]
    head = {"service": found.service, "purpose": found.purpose, "moment": found.moment}
    return orjson.dumps({**head, "customers": customers})


def _descriptions(services: Services, identity: Identity) -> list[ServiceDescription]:
    catalog = services.features.catalog
    allowed = identity.caller.purposes or frozenset()
    return [
        ServiceDescription(
            name=service.name, description=service.description, purposes=sorted(service.purposes & allowed),
            features=[
                FeatureDescription(
                    name=name, definition=feature.definition, type=feature.type.value, unit=feature.unit,
                    window=feature.window, freshness_seconds=feature.freshness_seconds,
                    purposes=sorted(feature.purposes),
                )
                for name in service.features
                for feature in [catalog.feature(name)]
            ],
        )
        for service in catalog.services.values()
        if service.purposes & allowed
    ]  # fmt: skip
