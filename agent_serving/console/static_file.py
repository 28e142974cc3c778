"""The files that the console's pages load: all from this server, by an address that changes with their content.

`htmx.min.js` is htmx 2.0.11 (Zero-Clause BSD), `echarts.min.js` is Apache ECharts 6.1.0 (Apache-2.0): the files `dist/`
of the npm packages htmx.org and echarts, unchanged, with their licences beside them.
"""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent_serving.web.page import STYLE_SHEET

_TYPES = {
    "console.css": "text/css", "console.js": "text/javascript", "htmx.min.js": "text/javascript",
    "echarts.min.js": "text/javascript", "icon.svg": "image/svg+xml",
}  # fmt: skip
_YEAR = "public, max-age=31536000, immutable"


def address_of(name: str) -> str:
    """Return the address of a file."""
    return f"/console/static/{name}?v={sha256(_content(name)).hexdigest()[:12]}"


async def send_file(request: Request) -> Response:
    """Return a file, compressed where the browser takes it."""
    name = str(request.path_params["name"])
    if name not in _TYPES:
        raise HTTPException(404)
    headers = {"Cache-Control": _YEAR, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_compressed(name), media_type=_TYPES[name], headers={**headers, "Content-Encoding": "gzip"})
    return Response(_content(name), media_type=_TYPES[name], headers=headers)


@cache
def _content(name: str) -> bytes:
    own = resources.files(__package__).joinpath("static", name).read_bytes()
    return STYLE_SHEET + own if name == "console.css" else own


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_content(name), mtime=0)
