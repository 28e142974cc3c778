"""The start page: what matters to the role, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.handling import add_page
from agent_serving.console.tile import Tile, Tiles
from agent_serving.console.visit import Visit
from installation.errors import InstallationError
from privacy.errors import PrivacyError


def home_router(tiles: Mapping[str, Tiles]) -> APIRouter:
    """Return the router of the start page. `tiles`: of each family of pages, by its key in `PAGES`."""
    router = APIRouter(prefix="/console")
    add_page(router, "GET", "", partial(show_home, tiles), "home")
    return router


def show_home(tiles: Mapping[str, Tiles], visit: Visit) -> Response:
    """Show the tiles of the pages that the role may open."""
    found: list[Tile] = []
    failed = False
    for key, made in tiles.items():
        if key in visit.open_pages:
            try:
                found += made(visit)
            except (PrivacyError, InstallationError):
                # Such as a table that no run has made yet: the other tiles are worth showing.
                failed = True
    return visit.render("home", tiles=found, failed=failed)
