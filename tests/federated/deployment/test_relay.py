"""The relay in front of the server lets in only admitted nodes, and only to the paths of nodes."""

from __future__ import annotations

import shutil
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from federated.deployment.certificates import (
    AUTHORITY,
    ROSTER,
    admit,
    fingerprint,
    make_authority,
    make_site_keys,
    require_valid,
)
from federated.deployment.processes import Processes, environment, free_port
from federated.errors import BadSetting, DeploymentFailed

ROOT = Path(__file__).parents[3]
UPSTREAM = """
import asyncio, ssl, sys
async def answer(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    body = b"served " + head.split(b" ")[1]
    writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\nconnection: close\\r\\n\\r\\n" % len(body) + body)
    await writer.drain()
    writer.close()
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.crt", "server.key")
    await (await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]), ssl=context)).serve_forever()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, one admitted site, one expired site and a stranger with an authority of its own."""
    folder = tmp_path_factory.mktemp("federation")
    make_authority(folder / "server", [])
    make_authority(folder / "strangers", [])
    for name, authority, days in [("good", "server", 30), ("expired", "server", -1), ("stranger", "strangers", 30)]:
        admit(folder / authority, make_site_keys(folder / name, name), days)
        shutil.copy(folder / authority / f"{name}.crt", folder / name / "site.crt")
        shutil.copy(folder / "server" / AUTHORITY, folder / name / AUTHORITY)
    return folder


@pytest.fixture(scope="module")
def gate(federation: Path) -> Iterator[int]:
    """A relay in front of a small server; returns its port."""
    upstream, port = free_port(), free_port()
    env = environment(federation / "home") | {"PYTHONPATH": str(ROOT)}
    with Processes(federation / "logs", env) as processes:
        script = f"import os; os.chdir({str(federation / 'server')!r})\n{UPSTREAM}"
        processes.start("upstream", [sys.executable, "-c", script, str(upstream)], upstream)
        command = [sys.executable, "-m", "federated.deployment", "relay", "--folder", str(federation / "server")]
        command += ["--certificate", "server", "--gate", "--listen", f"127.0.0.1:{port}"]
        processes.start("relay", [*command, "--upstream", f"127.0.0.1:{upstream}"], port)
        yield port


def _get(federation: Path, port: int, site: str | None, path: str = "/v1/fleet/pull-messages") -> httpx.Response:
    context = ssl.create_default_context(cafile=str(federation / "server" / AUTHORITY))
    if site:
        context.load_cert_chain(str(federation / site / "site.crt"), str(federation / site / "tls.key"))
    return httpx.post(f"https://127.0.0.1:{port}{path}", verify=context, trust_env=False, content=b"message")


def test_an_admitted_node_is_passed_on(federation: Path, gate: int) -> None:
    assert _get(federation, gate, "good").text == "served /v1/fleet/pull-messages"


@pytest.mark.parametrize(
    "path", ["/v1/control/start-run", "/v1/runtime/pull-task-input", "/docs", "/v1/fleet/../control"]
)
def test_a_node_reaches_only_the_paths_of_nodes(federation: Path, gate: int, path: str) -> None:
    assert _get(federation, gate, "good", path).status_code == 403


@pytest.mark.parametrize("site", [None, "expired", "stranger"])
def test_a_node_without_a_valid_certificate_of_the_federation_is_refused(
    federation: Path, gate: int, site: str | None
) -> None:
    with pytest.raises(httpx.TransportError, match=r"(?i)alert|certificate|closed|reset|eof|disconnected"):
        _get(federation, gate, site)


def test_plaintext_is_refused(federation: Path, gate: int) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.post(f"http://127.0.0.1:{gate}/v1/fleet/pull-messages", trust_env=False)


def test_the_relay_of_a_node_says_why_the_server_refused_it(federation: Path, gate: int) -> None:
    port = free_port()
    env = environment(federation / "home") | {"PYTHONPATH": str(ROOT)}
    with Processes(federation / "node-logs", env) as processes:
        command = [sys.executable, "-m", "federated.deployment", "relay", "--folder", str(federation / "expired")]
        command += ["--certificate", "site", "--listen", f"127.0.0.1:{port}", "--upstream", f"127.0.0.1:{gate}"]
        processes.start("relay", command, port)
        context = ssl._create_unverified_context()
        answer = httpx.post(f"https://127.0.0.1:{port}/v1/fleet/x", verify=context, trust_env=False)
        assert answer.status_code == 502
        assert "refused this side's certificate. The certificate site.crt expired on" in processes.tail("relay")


def test_an_expired_certificate_is_named_before_a_node_starts(federation: Path) -> None:
    require_valid(federation / "good" / "site.crt")
    with pytest.raises(DeploymentFailed, match=r"site\.crt expired on .* admit the site's card again"):
        require_valid(federation / "expired" / "site.crt")


def test_private_keys_are_readable_by_their_owner_only(federation: Path) -> None:
    for path in [*federation.glob("*/*.key")]:
        assert path.stat().st_mode & 0o077 == 0


def test_a_card_of_a_known_name_with_other_keys_is_not_admitted(federation: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="admitted before"):
        admit(federation / "server", make_site_keys(tmp_path / "good", "good"))
    before = fingerprint(federation / "server" / ROSTER)
    admit(federation / "server", make_site_keys(tmp_path / "new", "new"))
    assert fingerprint(federation / "server" / ROSTER) != before


def test_telemetry_is_off_unless_asked_for(tmp_path: Path) -> None:
    assert environment(tmp_path)["FLWR_TELEMETRY_ENABLED"] == "0"
    assert environment(tmp_path, telemetry=True)["FLWR_TELEMETRY_ENABLED"] == "1"
