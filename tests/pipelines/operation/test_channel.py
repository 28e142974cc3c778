"""Messages arrive at a real HTTP server, mail server and file; the webhook's signature holds."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from installation.alert_settings import AlertSettings
from installation.errors import SettingsError
from installation.settings import load_settings
from pipelines.engine.endpoint import find_free_port
from pipelines.operation.alert import AlertKind
from pipelines.operation.alert_book import Delivery, Kept, Message
from pipelines.operation.channel import DeliveryFailed, channels_of

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECRET = bytes(range(32))
LATE = Kept(
    kind=AlertKind.DATA_LATE, about="bronze/delivery", summary="late", since=NOW,
    deliveries={"x": Delivery(event="firing", id="1", due_at=NOW)},
)  # fmt: skip
MESSAGE = Message(id="msg_1", channel="x", firing=(LATE,), resolved=(LATE.model_copy(update={"ended_at": NOW}),))


class Receiver:
    """An HTTP server that keeps what it is sent, and answers with `status`."""

    def __init__(self) -> None:
        self.status, self.requests = 204, list[tuple[dict[str, str], bytes]]()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=secret-token"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "webhook"
    file.write_text(f"whsec_{base64.b64encode(SECRET).decode()}\n")
    file.chmod(0o600)
    return file


def settings_of(**values: Any) -> AlertSettings:
    return load_settings(alerts=values).alerts


def test_a_webhook_is_signed_as_standard_webhooks_says(receiver: Receiver, secret_file: Path) -> None:
    settings = settings_of(webhooks={"chat": {"url": receiver.url, "secret_file": secret_file}})
    channels_of(settings)["webhook chat"].send(MESSAGE, NOW)
    ((headers, body),) = receiver.requests
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_1", str(int(NOW.timestamp())))
    document = json.loads(body)
    assert [(one["state"], one["about"]) for one in document["data"]["alerts"]] == [
        ("firing", "bronze/delivery"), ("resolved", "bronze/delivery"),
    ]  # fmt: skip
    assert document["data"]["alerts"][0]["runbook"] == "docs/operate/runbooks.md#data_late"


@pytest.mark.parametrize("status", [302, 401, 500])
def test_another_answer_than_success_is_a_failure_and_no_redirect_is_followed(
    receiver: Receiver, secret_file: Path, status: int
) -> None:
    receiver.status = status
    settings = settings_of(webhooks={"chat": {"url": receiver.url, "secret_file": secret_file}})
    with pytest.raises(DeliveryFailed, match=str(status)) as failure:
        channels_of(settings)["webhook chat"].send(MESSAGE, NOW)
    assert len(receiver.requests) == 1
    assert "secret-token" not in str(failure.value)


def test_a_server_that_is_not_there_is_a_failure_that_does_not_repeat_the_address(secret_file: Path) -> None:
    settings = settings_of(webhooks={"chat": {"url": "http://127.0.0.1:9/secret-token", "secret_file": secret_file}})
    with pytest.raises(DeliveryFailed, match="did not answer") as failure:
        channels_of(settings)["webhook chat"].send(MESSAGE, NOW)
    assert "secret-token" not in str(failure.value) + str(settings)


def test_an_unencrypted_address_and_a_weak_or_open_secret_are_refused(tmp_path: Path, secret_file: Path) -> None:
    with pytest.raises(SettingsError, match="expected https"):
        settings_of(webhooks={"chat": {"url": "http://hooks.example/x", "secret_file": secret_file}})
    settings = settings_of(webhooks={"chat": {"url": "https://hooks.example/x", "secret_file": secret_file}})
    secret_file.write_text("whsec_c2hvcnQ=")
    with pytest.raises(SettingsError, match="24 bytes"):
        settings.webhooks["chat"].read_secret()
    secret_file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        settings.webhooks["chat"].read_secret()


def test_a_mail_has_the_alerts_and_their_runbooks() -> None:
    mails: list[tuple[list[str], bytes]] = []

    class Box:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            mails.append((envelope.rcpt_tos, envelope.content))
            return "250 OK"

    port = find_free_port()
    controller = Controller(Box(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        mail = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "bojagi@shop.example",
                "to": ["a@shop.example", "b@shop.example"]}  # fmt: skip
        channels_of(settings_of(mail=mail))["mail"].send(MESSAGE, NOW)
    finally:
        controller.stop()
    ((addresses, content),) = mails
    assert addresses == ["a@shop.example", "b@shop.example"]
    parsed = message_from_bytes(content)
    assert parsed["Subject"] == "Bojagi: 1 firing, 1 resolved"
    assert "docs/operate/runbooks.md#data_late" in parsed.get_payload()


def test_a_file_gets_one_line_a_message(tmp_path: Path) -> None:
    channel = channels_of(settings_of(file=tmp_path / "alert" / "alert.jsonl"))["file"]
    channel.send(MESSAGE, NOW)
    channel.send(MESSAGE, NOW)
    lines = (tmp_path / "alert" / "alert.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["msg_1", "msg_1"]
