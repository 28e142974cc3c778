"""`bojagi serve` in a process of its own: its address, its end by a signal, TLS, and what it refuses to start with."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from features.client import FeatureClient
from features.retrieval.answer import Reason
from pipelines.cli.exit_code import ExitCode
from tests.agent_serving.serving_shop import PERMITS, SILENT, fill, key_of
from tests.engines import require_or_skip
from tests.features.retrieval.feature_shop import PURPOSE, SERVICE, ZONE, FeatureShop, contract_folder

WANTED = {"service": SERVICE, "purpose": PURPOSE, "customers": [PERMITS]}
pytestmark = [pytest.mark.slow]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a filled shop at today's time."""
    shop = FeatureShop(tmp_path / "data")
    shop.moment = datetime.now(ZONE).replace(tzinfo=None)
    fill(shop, at=shop.moment)
    (tmp_path / "key").write_text(key_of(shop))
    shop.close()
    set_up(tmp_path)
    return tmp_path


def set_up(folder: Path, **http: str) -> None:
    """Write the settings file of the shop, with these settings of the HTTP application."""
    lines = [
        f'contract_dirs = ["{contract_folder()}"]',
        "[http]",
        *(f'{name} = "{value}"' for name, value in http.items()),
    ]
    (folder / "bojagi.toml").write_text("\n".join(lines) + "\n")


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "pipelines.cli", "serve", "--data", str(folder / "data"), "--port", "0", *arguments]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "BOJAGI_CONFIG": str(folder / "bojagi.toml")}


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the server; yield its process and its address. Ends it by its process id."""
    process = subprocess.Popen(
        command(folder, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(folder)
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Bojagi listens on "), process.stderr and process.stderr.read()
            yield process, line.split()[3]
        finally:
            process.kill()


def refused(folder: Path, *arguments: str) -> str:
    """Return the message with which the server refuses to start."""
    done = subprocess.run(
        command(folder, *arguments), capture_output=True, text=True, check=False, env=environment(folder)
    )
    assert done.returncode == ExitCode.ENVIRONMENT, done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_it_serves_logs_and_stops_at_a_signal_with_exit_code_0(folder: Path) -> None:
    key = (folder / "key").read_text()
    with running(folder) as (process, url):
        with FeatureClient(url, key, timeout=30) as client:
            found = client.retrieve([PERMITS, SILENT], SERVICE, PURPOSE)
        assert [row.reasons[0] for row in found.customers] == [None, Reason.NO_CONSENT]
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=60)
    assert process.returncode == ExitCode.OK, log
    entries = [json.loads(line) for line in log.splitlines()]
    assert [(entry["event"], entry.get("route"), entry.get("status")) for entry in entries] == [
        ("request", "/v1/features", 200),
        ("request", "/v1/feature-services", 200),
        ("command_ended", None, None),
    ]
    assert key not in output + log
    assert "c_" not in log


def test_requests_under_way_at_a_signal_are_answered(folder: Path) -> None:
    headers = {"Authorization": f"Bearer {(folder / 'key').read_text()}"}
    body = json.dumps(WANTED).encode()
    started, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield body[:10]
        started.set()
        go_on.wait(30)
        yield body[10:]

    found: list[httpx.Response] = []
    with running(folder) as (process, url):
        asking = threading.Thread(target=lambda: found.append(httpx.post(
            f"{url}/v1/features", content=slowly(), headers={**headers, "Content-Type": "application/json"}, timeout=30,
        )))  # fmt: skip
        asking.start()
        started.wait(30)
        # Two requests are open: this one, and that of the metrics.
        while "bojagi_http_requests_open 2.0" not in httpx.get(f"{url}/metrics").text:
            assert asking.is_alive()
        process.send_signal(signal.SIGTERM)
        go_on.set()
        asking.join()
        process.wait(60)
    assert [answer.status_code for answer in found] == [200]
    assert process.returncode == ExitCode.OK


def test_with_a_certificate_it_serves_https(folder: Path) -> None:
    certificate, key = write_certificate(folder)
    set_up(folder, tls_certificate=str(certificate), tls_key=str(key))
    with running(folder) as (_, url):
        assert url.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(certificate))
        with FeatureClient(url, (folder / "key").read_text(), timeout=30, verify=trusted) as client:
            assert client.retrieve([PERMITS], SERVICE, PURPOSE).customers[0].reasons[0] is None


def test_it_refuses_to_start_unencrypted_for_other_machines(folder: Path) -> None:
    assert "http.tls_certificate" in refused(folder, "--host", "0.0.0.0")


def test_it_refuses_a_taken_address_and_names_it(folder: Path) -> None:
    with running(folder) as (_, url):
        port = url.rpartition(":")[2]
        assert f"Cannot listen on 127.0.0.1:{port}" in refused(folder, "--port", port)


def test_it_refuses_a_certificate_that_cannot_be_used(folder: Path) -> None:
    (folder / "broken.pem").write_text("no certificate")
    set_up(folder, tls_certificate="broken.pem", tls_key="broken.pem")
    told = refused(folder)
    assert "broken.pem: the certificate cannot be used" in told


def test_it_refuses_to_start_on_a_damaged_store(folder: Path) -> None:
    (file,) = (folder / "data" / "online").glob("*/*/data.mdb")
    content = bytearray(file.read_bytes())
    content[len(content) // 2 :] = b"\x5a" * (len(content) - len(content) // 2)
    file.write_bytes(content)
    assert "online store" in refused(folder)


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1, signed by itself, and its key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]),
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    return folder / "certificate.pem", folder / "key.pem"


def test_headers_have_a_limit_and_none_is_taken_from_the_end_of_a_body(folder: Path) -> None:
    body = json.dumps(WANTED).encode()
    late = b"POST /v1/features HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n" % (
        len(body),
        body,
    )
    late += b"Authorization: Bearer " + (folder / "key").read_bytes() + b"\r\n\r\n"
    with running(folder) as (_, url):
        port = int(url.rpartition(":")[2])
        assert first_line(port, b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000).split()[1] == b"400"
        assert first_line(port, late).split()[1] == b"401"


def first_line(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline()


def test_the_local_model_plans_and_its_tokens_are_counted(folder: Path) -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        require_or_skip("slow", "xllamacpp is not installed (bojagi[local-llm])")
    headers = {"Authorization": f"Bearer {(folder / 'key').read_text()}"}
    with (
        running(folder, "--llm", "local") as (_, url),
        httpx.Client(base_url=url, headers=headers, timeout=300) as client,
    ):
        answer = client.post("/v1/chat", json={"message": "Where is the Nike shop?"})
        assert "event: done" in answer.text
        assert (
            'bojagi_chat_model_calls_total{model="local",outcome="answered",task="plan"} 1.0'
            in client.get("/metrics").text
        )
