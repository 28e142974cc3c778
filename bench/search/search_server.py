"""An application with one route that searches and one that does nothing, on the index of a data folder.

`POST /search` runs a search in a thread of a pool, as the product's routes do. `POST /empty` runs an empty function
there. The content watcher keeps the index up to date. Prints its port once it listens. The argument is the data folder.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import Response

from agent_serving.search.opening import open_engine
from agent_serving.search.watcher import ContentWatcher
from installation.installation import Installation
from installation.settings import load_settings


def main() -> None:
    """Serve until a signal to stop."""
    installation = Installation(load_settings(data_dir=Path(sys.argv[1])))
    app, pool, engine = FastAPI(), ThreadPoolExecutor(4), open_engine(installation)

    def find(body: bytes) -> bytes:
        wanted = json.loads(body)
        found = engine.search(wanted["query"], branch=wanted["branch"], limit=10)
        return json.dumps([document.title for document in found]).encode()

    @app.post("/empty")
    async def empty(request: Request) -> Response:
        body = await request.body()
        await asyncio.get_running_loop().run_in_executor(pool, lambda: body)
        return Response(b"[]", media_type="application/json")

    @app.post("/search")
    async def search(request: Request) -> Response:
        found = await asyncio.get_running_loop().run_in_executor(pool, find, await request.body())
        return Response(found, media_type="application/json")

    with closing(ContentWatcher(installation)), socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none")).run(sockets=[listener])


if __name__ == "__main__":
    main()
