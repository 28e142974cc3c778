"""Routes that say whether the process lives and can answer, and its metrics. They need no key and hold no data."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from agent_serving.services import Services

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """Whether the process can answer. `failing` names the parts that cannot."""

    status: Literal["ok", "failing"]
    failing: list[str] = []


@router.get("/health/live", summary="The process runs.")
async def live() -> Health:
    """Return `ok` as long as the process handles requests."""
    return Health(status="ok")


@router.get(
    "/health/ready", summary="The process can answer.", response_model=Health,
    responses={503: {"model": Health, "description": "A part fails; a load balancer should send no requests."}},
)  # fmt: skip
async def ready(request: Request) -> Response:
    """Return `ok` if the online store, the consent record, the audit log and the API keys can be used now."""
    services: Services = request.app.state.services
    failing = await services.failing_parts()
    services.metrics.note_failing(failing)
    found = Health(status="failing" if failing else "ok", failing=list(failing))
    return JSONResponse(found.model_dump(), 503 if failing else 200)


@router.get("/metrics", summary="Metrics for Prometheus.", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return counts and times of requests. They hold no personal data."""
    return Response(generate_latest(request.app.state.services.metrics.registry), media_type=CONTENT_TYPE_LATEST)
