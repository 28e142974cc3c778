"""The factory of the HTTP application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from agent_serving.console.customer.identity import StewardOf
from agent_serving.console.router import add_console
from agent_serving.error_handler import add_error_handlers
from agent_serving.observation import Observation
from agent_serving.portal import officer_page, person_page, sign_in_page
from agent_serving.request_limit import BodyLimit
from agent_serving.router import chat, collect, feature, health, mcp, recommendation, rights
from agent_serving.services import Services
from installation.installation import Installation

DESCRIPTION = """Bojagi's services over HTTP.

Every request names its purpose, and every value passes the consent of its customer at that moment. Each read is in
the audit log before its answer leaves. Errors are `application/problem+json` with a stable `code`.
"""


def create_app(installation: Installation, steward_of: StewardOf | None = None) -> FastAPI:
    """Return the application of an installation. The caller closes the installation after the server has ended.

    The services are opened when the server starts, and closed when it stops. There is no page that shows the API: such
    pages load scripts from elsewhere. `GET /openapi.json` describes it. `steward_of` records the decisions on identity
    that the console takes; without it, the console shows identity and takes none.
    """
    services = Services(installation)
    services.console.steward_of = steward_of

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        services.open()
        try:
            yield
        finally:
            await services.close_chat()
            services.close()

    app = FastAPI(
        title="Bojagi", version=version("bojagi"), description=DESCRIPTION, lifespan=lifespan, docs_url=None,
        redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.services = services
    app.include_router(health.router)
    app.include_router(feature.router)
    app.include_router(recommendation.router)
    app.include_router(chat.router)
    app.include_router(chat.page)
    app.include_router(mcp.router)
    app.include_router(rights.router)
    # After the others: its path `/v1/{call}` is general.
    app.include_router(collect.router)
    for pages in (sign_in_page.router, person_page.router, officer_page.router, sign_in_page.unknown):
        app.include_router(pages)
    add_console(app, services.console)
    add_error_handlers(app)
    # The last one added is the outermost: refused bodies are counted and logged as well.
    app.add_middleware(BodyLimit)
    app.add_middleware(Observation, metrics=services.metrics)
    return app
