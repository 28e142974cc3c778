"""Sends requests over a kept connection and measures the time to each whole answer."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

JSON = {"Content-Type": "application/json"}


@dataclass
class Route:
    """One route under load: where it is, what is sent, and the seconds of each answer."""

    port: int
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    failures: int = 0

    @classmethod
    def of(cls, port: int, path: str, content: Any, key: str = "") -> Route:
        """Return the route for a JSON body and an API key."""
        headers = JSON | ({"Authorization": f"Bearer {key}"} if key else {})
        return cls(port, path, json.dumps(content).encode(), headers)

    def connect(self) -> http.client.HTTPConnection:
        """Return an open connection to the route's server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.connect()
        return connection

    def ask(self, connection: http.client.HTTPConnection) -> bytes:
        """Send one request, note its seconds, and return the answer's body."""
        begun = time.perf_counter()
        connection.request("POST", self.path, self.body, self.headers)
        answer = connection.getresponse()
        content = answer.read()
        self.seconds.append(time.perf_counter() - begun)
        self.failures += answer.status != 200
        return content


def ask_in_turn(routes: Sequence[Route], rounds: int) -> None:
    """Ask each route once a round, so that a slow moment of the machine meets all of them."""
    connections = [route.connect() for route in routes]
    for _ in range(rounds):
        for route, connection in zip(routes, connections, strict=True):
            route.ask(connection)
    for connection in connections:
        connection.close()


@contextmanager
def server(*arguments: str) -> Iterator[tuple[int, int]]:
    """Start a Python module that prints its port as the last digits of its first line; yield port and process id."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().split("(")[0].strip()
            yield int(line.rpartition(":")[2]), process.pid
        finally:
            process.terminate()
            process.wait(30)
