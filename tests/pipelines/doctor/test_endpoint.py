"""Each endpoint of the settings is asked, and what does not answer is named with the setting to correct."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.doctor.endpoint import of_endpoints
from pipelines.doctor.examination import Examination, Finding, Outcome, Result, run_examinations

DEAD = "http://127.0.0.1:9"


class Server(ThreadingHTTPServer):
    """Answers every request with `status`, and with a date that is `ahead` seconds from now."""

    status, ahead = 404, 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(datetime.fromtimestamp(time.time() + self.server.ahead, UTC), usegmt=True)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def examined(tmp_path: Path, **settings: Any) -> dict[str, Finding]:
    with Installation(load_settings(data_dir=tmp_path, **settings)) as installation:
        return {finding.subject: finding for finding in run_examinations(of_endpoints(installation))}


def test_every_endpoint_that_is_set_is_examined(server: Server, tmp_path: Path) -> None:
    secret = tmp_path / "webhook"
    secret.write_text(f"whsec_{base64.b64encode(bytes(32)).decode()}")
    secret.chmod(0o600)
    found = examined(
        tmp_path,
        search={"opensearch_url": server.url, "embedding_url": DEAD, "embedding_model": "m"},
        llm={"models": {"small": {"url": f"{server.url}/v1", "name": "m"}}},
        oidc={"issuer": server.url, "audience": "bojagi"},
        alerts={"webhooks": {"one": {"url": server.url, "secret_file": secret},
                             "two": {"url": DEAD, "secret_file": secret}}},
        portal={"public_url": "https://privacy.example", "mail_host": "127.0.0.1", "mail_port": 9, "mail_tls": "none",
                "mail_sender": "a@shop.example"},
        anchor_archive=str(tmp_path / "archive"),
    )  # fmt: skip
    outcomes = {name: finding.outcome.value for name, finding in found.items()}
    assert outcomes == {
        "search.opensearch_url": "ok", "search.embedding_url": "failed", "llm.models.small": "ok", "oidc.issuer": "ok",
        "portal.mail_host": "failed", "alerts.webhooks.one": "ok", "alerts.webhooks.two": "failed",
        "anchor_archive": "ok",
    }  # fmt: skip
    assert all(name in finding.remedy for name, finding in found.items() if finding.outcome is Outcome.FAILED)


def test_a_server_in_trouble_and_a_wrong_clock_are_found(server: Server, tmp_path: Path) -> None:
    search = {"opensearch_url": server.url}
    server.ahead = 3600
    assert examined(tmp_path, search=search)["search.opensearch_url"].outcome is Outcome.WARNING
    server.status = 503
    assert examined(tmp_path, search=search)["search.opensearch_url"].outcome is Outcome.FAILED


def test_what_hangs_or_breaks_is_a_finding_without_the_text_of_the_error() -> None:
    ended = threading.Event()

    def hang() -> Result:
        ended.wait()
        return Result.ok("")

    def break_down() -> Result:
        raise RuntimeError("row of kim@example.com")

    found = list(
        run_examinations([Examination("a", hang, "look"), Examination("b", break_down, "look")], longest_seconds=0.2)
    )
    ended.set()
    assert [(one.outcome, one.remedy) for one in found] == [(Outcome.FAILED, "look")] * 2
    assert "kim" not in found[1].text
