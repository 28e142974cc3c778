"""Registers the portal's pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from agent_serving.portal.visit import Visit
from agent_serving.web.handling import register

Handler = Callable[[Visit], Response]
Needs = Literal["person", "officer", None]


def add_page(router: APIRouter, method: str, path: str, handler: Handler, needs: Needs = None) -> None:
    """Register a page. Visitors without the needed session are led to the sign-in."""

    def opened(request: Request) -> Visit:
        return Visit(request.app.state.services.portal, request)

    def turned_away(visit: Visit) -> Response | None:
        if (needs == "person" and visit.person is None) or (needs == "officer" and visit.officer is None):
            return visit.redirect("/officer/sign-in" if needs == "officer" else "/sign-in?again=1")
        return None

    register(router, method, path, opened, handler, turned_away)
