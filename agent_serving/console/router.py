"""Puts the console's pages into an application. A family of pages adds its router here, and its tiles."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI

from agent_serving.console import (
    audience_page,
    audit_page,
    customer_page,
    experiment_page,
    journey_page,
    model_page,
    privacy_page,
    processing_page,
    quality_page,
    rollout_page,
    segment_page,
    sign_in_page,
)
from agent_serving.console.console import Console
from agent_serving.console.home_page import home_router
from agent_serving.console.page_table import PAGES
from agent_serving.console.tile import Tiles

TILES: Mapping[str, Tiles] = {
    "segment": segment_page.tiles,
    "audience": audience_page.tiles,
    "journey": journey_page.tiles,
    "quality": quality_page.tiles,
    "model": model_page.tiles,
    "experiment": experiment_page.tiles,
    "privacy": privacy_page.tiles,
}
"""By the key of a family of pages in `PAGES`."""
ROUTERS = (
    sign_in_page.router,
    home_router(TILES),
    customer_page.router,
    journey_page.router,
    model_page.router,
    experiment_page.router,
    rollout_page.router,
    quality_page.router,
    segment_page.router,
    audience_page.router,
    privacy_page.router,
    audit_page.router,
    processing_page.router,
)


def add_console(app: FastAPI, console: Console) -> None:
    """Add the console's pages, the one for unknown addresses last."""
    for router in (*ROUTERS, sign_in_page.unknown):
        app.include_router(router)
    paths = {getattr(route, "path", "") for router in ROUTERS for route in router.routes}
    console.built = frozenset(key for key, page in PAGES.items() if f"/console{page.path}" in paths)
