"""Route of the agent's tools for other agents: the Model Context Protocol over HTTP."""

from __future__ import annotations

import importlib.util
from functools import partial

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent_serving.authentication.identity import Identity
from agent_serving.errors import AgentNotInstalled, ChatRefused
from agent_serving.router.feature import bearer
from agent_serving.services import Services
from agent_serving.tool.mcp_server import BRANCH_HEADER, CUSTOMER_HEADER, LANGUAGE_HEADER, ToolSession
from agent_serving.tool.tool import ToolContext
from privacy.consent.record import is_opaque_id

router = APIRouter(tags=["mcp"], include_in_schema=False, dependencies=[Depends(bearer)])
_LANGUAGES = frozenset({"ko", "en", "ja", "zh"})


class _McpAnswer(Response):
    """An answer that the MCP server writes itself."""

    def __init__(self, session: ToolSession) -> None:
        super().__init__()
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._session.serve(scope, receive, send)


@router.api_route("/mcp", methods=["GET", "POST", "DELETE"])
async def answer_mcp(request: Request) -> Response:
    """Answer a request of an MCP client, for the customer and the branch that its headers name."""
    services: Services = request.app.state.services
    context = await services.answer(request, partial(_context, services, request))
    return _McpAnswer(ToolSession(services.chat.parts.tools, context, services.in_thread))


def _context(services: Services, request: Request, identity: Identity) -> ToolContext:
    if importlib.util.find_spec("mcp") is None:
        raise AgentNotInstalled("The tools for other agents need the package mcp. Install bojagi[agent].")
    customer = request.headers.get(CUSTOMER_HEADER)
    if customer is not None and not is_opaque_id(customer):
        raise ChatRefused(422, "invalid_customer", "The customer id is malformed; expected an id such as c_5kq.")
    chat = services.chat
    branch = chat.access.branch(request.headers.get(BRANCH_HEADER))
    asked = request.headers.get(LANGUAGE_HEADER, "ko")
    return ToolContext(
        customer, identity.caller, branch, asked if asked in _LANGUAGES else "en", chat.parts.shop_time(),
        chat.parts.services,
    )  # fmt: skip
