"""An application on FastAPI and uvicorn that does nothing, as the floor of the HTTP figures.

`POST /empty` returns an empty object. `POST /append` first appends a line to a file and flushes it to the disk, in a
thread of a pool like the routes of the product. Prints its port once it listens.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import Response

LINE = b"x" * 700 + b"\n"
"""As long as an entry of the audit log."""


def main() -> None:
    """Serve until a signal to stop. The first argument is the file to append to."""
    app, pool, lock = FastAPI(), ThreadPoolExecutor(4), threading.Lock()
    file = os.open(Path(sys.argv[1]), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def append() -> None:
        with lock:
            os.write(file, LINE)
            os.fsync(file)

    @app.post("/empty")
    async def empty(request: Request) -> Response:
        await request.body()
        return Response(b"{}", media_type="application/json")

    @app.post("/append")
    async def appended(request: Request) -> Response:
        await request.body()
        await asyncio.get_running_loop().run_in_executor(pool, append)
        return Response(b"{}", media_type="application/json")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none")).run(sockets=[listener])


if __name__ == "__main__":
    main()
