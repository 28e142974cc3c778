"""The start page: what matters to the role, and where it is."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.handling import add_page
from agent_serving.console.tile import Tile
from agent_serving.console.visit import Visit
from installation.errors import InstallationError
from privacy.errors import PrivacyError

router = APIRouter(prefix="/console")


def show_home(visit: Visit) -> Response:
    """Show the tiles of the pages that the role may open."""
    tiles: list[Tile] = []
    failed = False
    for key, made in visit.console.tiles.items():
        if key in visit.open_pages:
            try:
                tiles += made(visit)
            except (PrivacyError, InstallationError):
                # Such as a table that no run has made yet: the other tiles are worth showing.
                failed = True
    return visit.render("home", tiles=tiles, failed=failed)


add_page(router, "GET", "", show_home, "home")
