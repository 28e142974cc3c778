"""Routes of recommendations: a list of items for a customer or for anybody, and the reward of a decision."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agent_serving.authentication.identity import Identity
from agent_serving.problem import MEDIA_TYPE, Problem
from agent_serving.router.feature import bearer
from agent_serving.services import Services
from features.recommend.objective import AUTOMATIC
from features.recommend.reason import REASONS
from features.recommend.service import MOST_ITEMS, Wanted

_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "model": Problem, "content": {MEDIA_TYPE: {}}}
    for status, description in {
        400: "The body is not JSON.", 401: "No valid key or token.", 403: "The caller may not use personalisation.",
        404: "No such objective or context.", 409: "The policy does not fit the objectives.",
        413: "The body is too large.", 422: "A field is missing or wrong.", 429: "Too many requests.",
        503: "A part fails; nothing was released.",
    }.items()
}  # fmt: skip
router = APIRouter(prefix="/v1", tags=["recommendations"], dependencies=[Depends(bearer)], responses=_FAILURES)
Name = Annotated[str, Field(min_length=1, max_length=200)]


class RecommendationRequest(BaseModel):
    """For whom items are recommended, and what the list aims at."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"customer": "c_27jt…", "count": 10}]})

    purpose: Literal["personalisation"] = Field("personalisation", description="What the customer must permit.")
    customer: Name | None = Field(None, description="Customer id; without it the list is the same for everybody.")
    count: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = 10
    objective: Name = Field(
        AUTOMATIC, description="A declared objective, such as thrifty; automatic: the policy chooses, else relevance."
    )
    context: Name | None = Field(
        None, description="Part of the day, such as weekend_evening; without it, that of the shop's clock."
    )


class RecommendedItem(BaseModel):
    """One item. Price: USD, null where unknown. `is_new`: null on a list for everybody. `told`: reasons in words."""

    item: str
    product_type: str | None
    product_category: str | None
    price: float | None
    is_new: bool | None
    reasons: list[str]
    told: list[str]


class RecommendationResponse(BaseModel):
    """The list, the best item first.

    `not_personal` says why a list is not made of the customer's purchases: `no_customer`, `no_consent`, `stale`,
    `no_data`. `decision` is the key for `POST /v1/recommendations/{decision}/reward`, where the policy chose the
    objective.
    """

    items: list[RecommendedItem]
    is_personal: bool
    not_personal: str | None
    version: str
    objective: str
    decision: str | None
    context: str


class RewardRequest(BaseModel):
    """What came of a decision, such as 1 for a purchase and 0 for none, or an amount."""

    model_config = ConfigDict(extra="forbid")

    value: Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class RewardResponse(BaseModel):
    """`stored` is false if there is no such decision, it has a reward, its time is over, or consent was withdrawn."""

    stored: bool


def _described(body: type[BaseModel]) -> dict[str, Any]:
    content = {"application/json": {"schema": body.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


FIELDS = frozenset(RecommendationRequest.model_fields) | frozenset(RewardRequest.model_fields) | {"decision"}
"""Names that an answer about a faulty request may repeat."""


@router.post(
    "/recommendations", response_model=RecommendationResponse, summary="Items for a customer, or for anybody.",
    openapi_extra=_described(RecommendationRequest),
)  # fmt: skip
async def recommend(request: Request) -> Response:
    """Return the items that suit a customer who permits `personalisation` now; the read is in the audit log.

    For a customer who does not permit it, the list is by popularity and the part of the day: no profile is read, and
    no exposure, experiment or decision is recorded.
    """
    services: Services = request.app.state.services
    body = await request.body()

    def work(identity: Identity) -> bytes:
        # Here and not by FastAPI, so that a body of an unknown caller is not read.
        wanted = RecommendationRequest.model_validate_json(body)
        found = services.recommendations.recommend(
            Wanted(wanted.customer, wanted.count, wanted.objective, wanted.context), identity.caller
        )
        items = [asdict(one) | {"told": [REASONS[name] for name in one.reasons]} for one in found.items]
        return orjson.dumps({**{k: v for k, v in vars(found).items() if k != "items"}, "items": items})

    return Response(await services.answer(request, work), media_type="application/json")


@router.post(
    "/recommendations/{decision}/reward", summary="What came of a decision of the policy.",
    openapi_extra=_described(RewardRequest),
)  # fmt: skip
async def reward(request: Request, decision: str) -> RewardResponse:
    """Store the reward of a decision once. From these rewards the policy learns."""
    services: Services = request.app.state.services
    body = await request.body()

    def work(identity: Identity) -> bool:
        given = RewardRequest.model_validate_json(body)
        return services.recommendations.reward(decision, given.value, identity.caller)

    return RewardResponse(stored=await services.answer(request, work))
