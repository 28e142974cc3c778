"""Starts a Redis server on the loopback address for a measurement."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError


@contextmanager
def redis_server(folder: Path) -> Iterator[int | None]:
    """Run a server without files for the block; yield its port, or None where Redis is not installed."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            _wait(port)
            yield port
        finally:
            server.terminate()


def _wait(port: int) -> None:
    for _ in range(100):
        with Redis(port=port) as client:
            try:
                client.ping()
                return
            except RedisError:
                time.sleep(0.1)
    raise TimeoutError("Redis did not answer within ten seconds")
