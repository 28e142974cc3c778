"""An application with a page of its own, for tests of what every page has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter
from jinja2 import DictLoader
from starlette.responses import Response

from agent_serving.application import create_app
from agent_serving.console.handling import add_page
from agent_serving.console.visit import Visit
from installation.installation import Installation
from tests.agent_serving.serving_shop import served_app


@contextmanager
def sample_page(
    installation: Installation, path: str, show: Callable[[Visit], Response], key: str, template: str = "", **more: Any
) -> Iterator[str]:
    """Serve the console with a page at `path`, for GET and POST; yield its address. `template` is named `sample`."""
    app = create_app(installation)
    router = APIRouter(prefix="/console")
    for method in ("GET", "POST"):
        add_page(router, method, path, show, key, **more)
    for route in router.routes:
        app.router.routes.insert(0, route)
    loader: Any = app.state.services.console.pages.environment.loader
    loader.loaders.append(DictLoader({"sample.html.j2": template}))
    with served_app(app) as url:
        yield url
