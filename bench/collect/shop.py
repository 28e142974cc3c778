"""An installation in a folder, with its collector and its loader as processes of their own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from agent_serving.collector.write_key import create_write_key
from agent_serving.services import open_api_keys
from bench.process import Measured, run_measured
from features.repo.event_push import VIEW
from installation.collector.place import segment_folder
from installation.collector.segment import open_segments, sealed_segments
from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State

SOURCE, TABLE = "source.tracked_event", "bronze/tracked_event"
_BOJAGI = [sys.executable, "-m", "pipelines.cli"]
MEMBERS = 1_000
_START_SECONDS = 600


class Connection:
    """A connection to the collector, which is opened again after a failure. Use it from one thread."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._headers = {
            "Authorization": f"Basic {b64encode(f'{key}:'.encode()).decode()}", "Content-Type": "application/json",
        }  # fmt: skip
        self._open: http.client.HTTPConnection | None = None

    def post(self, body: bytes, path: str = "/v1/batch") -> int:
        """Send a request; return the status, 0 if there was no answer."""
        return self._request("POST", path, body)

    def get(self, path: str) -> int:
        """Return the status of a request without a body, 0 if there was no answer."""
        return self._request("GET", path, None)

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        if self._open is not None:
            self._open.close()
        self._open = None

    def _request(self, method: str, path: str, body: bytes | None) -> int:
        try:
            if self._open is None:
                self._open = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            self._open.request(method, path, body, self._headers)
            with self._open.getresponse() as answer:
                answer.read()
                return answer.status
        except (OSError, http.client.HTTPException):
            self.close()
            return 0


@dataclass
class CollectingShop:
    """An installation with a write key. `serve` and `load` start processes, which `close` kills."""

    folder: Path
    port: int = field(default_factory=lambda: _free_port())
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.installation = Installation(load_settings(data_dir=self.folder))
        with closing(open_api_keys(self.installation)) as keys:
            self.key = create_write_key(keys, "bench", SOURCE)[1]
        self.know(MEMBERS)

    def know(self, customers: int) -> None:
        """Make members `M0`, `M1`, … known as customers `c_0`, `c_1`, … who permit the features of the last visit."""
        tokens = [self.installation.tokenizer.token("member_no", f"M{number}") for number in range(customers)]
        names = [f"c_{number}" for number in range(customers)]
        rows = {"token_kind": ["member_no"] * customers, "token": tokens, "customer_id": names}
        self.installation.lakehouse.overwrite_rows("silver/identifier", pa.table(rows))
        at = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=9)
        purpose = self.installation.contracts[f"gold.{VIEW}"].built_for
        assert purpose is not None
        self.installation.consent_store.append(
            ConsentRecord(
                record_id=f"r_{name}", subject_id=name, controller="Bojagi Mart", purpose=purpose, notice_version="1",
                notice_language="ko", jurisdiction="KR", method="web_form", state=State.GIVEN, effective_at=at,
                recorded_at=at, age_years=40, evidence_hash="0" * 64, asked="separately",
            )
            for name in names
        )  # fmt: skip

    def serve(self) -> subprocess.Popen[bytes]:
        """Start the collector, and wait until it answers."""
        process, _ = self._start("serve", "--port", str(self.port))
        with closing(Connection(self.port, self.key)) as connection:
            _wait(process, lambda: connection.get("/health/live") == 200)
        return process

    def load(self) -> subprocess.Popen[bytes]:
        """Start a loader, and wait until it follows the log."""
        process, log = self._start("collect", "load", "--follow")
        _wait(process, lambda: b"Following" in log.read_bytes())
        return process

    def load_rest(self) -> None:
        """Load what waits, until nothing does."""
        while not self.load_once().output.rstrip().endswith("[]"):
            continue

    def load_once(self) -> Measured:
        """Load what waits by a process of its own; return what it prints and uses."""
        return run_measured([*_BOJAGI, "collect", "load", "--json", "--data", str(self.folder)])

    def logged(self) -> int:
        """Return the number of events in the log."""
        folder = segment_folder(self.installation.contracts[SOURCE], self.installation.settings)
        paths = [*sealed_segments(folder), *open_segments(folder)]
        return sum(path.read_bytes().count(b"\n") for path in paths)

    def identifiers(self) -> list[str]:
        """Return the message ids in bronze."""
        return self.values(TABLE, "message_id")

    def values(self, table: str, column: str) -> list[str]:
        """Return the values of a column; none if there is no table yet."""
        lakehouse = self.installation.lakehouse
        found: list[str] = lakehouse.rows(table, [column])[column].to_pylist() if lakehouse.exists(table) else []
        return found

    def close(self) -> None:
        """Kill the processes that run, and close the installation."""
        for process in self._started:
            kill(process)
        self.installation.close()

    def _start(self, *words: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a process; return it with the file of what it prints."""
        path = self.folder / f"process-{len(self._started)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [*_BOJAGI, *words, "--data", str(self.folder)], stdout=log, stderr=log, env={**os.environ}
            )
        self._started.append(process)
        return process, path


def _wait(process: subprocess.Popen[bytes], is_ready: Callable[[], bool]) -> None:
    ends = time.monotonic() + _START_SECONDS
    while not is_ready():
        if process.poll() is not None or time.monotonic() > ends:
            raise RuntimeError("a process of the installation did not start")
        time.sleep(0.05)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with SIGKILL."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def batch(messages: Sequence[dict[str, Any]]) -> bytes:
    """Return the body of a batch, as Segment's SDKs send it."""
    now = datetime.now(UTC).isoformat()
    return json.dumps({"batch": messages, "sentAt": now}).encode()


def message(identifier: str, member: str) -> dict[str, Any]:
    """Return an event as `segment-analytics-python` sends it."""
    return {
        "type": "track", "event": "Product Viewed", "messageId": identifier, "userId": member,
        "anonymousId": f"a-{member}", "timestamp": datetime.now(UTC).isoformat(),
        "properties": {"product_id": 1029743, "price": 3.49, "currency": "USD", "list": "search"},
        "context": {
            "library": {"name": "segment-analytics-python", "version": "2.3.2"}, "sessionId": f"s-{member}",
            "consent": {"categoryPreferences": {"Analytics": True, "Advertising": False}},
        },
        "integrations": {},
    }  # fmt: skip


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
