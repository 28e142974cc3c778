"""Passes Flower's messages on over mutual TLS: one relay in front of the server, one beside each node.

Flower 1.42 serves nodes, operators and its own processes on one port, and checks no client certificates there. The
server's relay therefore is the only thing that sites reach: it demands a certificate of the federation's authority and
passes on the paths of nodes alone. A node's relay listens on the loopback address and shows the site's certificate.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from federated.deployment.certificates import require_valid
from federated.errors import DeploymentFailed

NODE_PATHS = "/v1/fleet/"
"""Prefix of the paths that nodes call."""
BODY_MAX = 2**31
"""Largest message in bytes, as in Flower's own transport."""
_HOP_HEADERS = {b"host", b"connection", b"transfer-encoding", b"content-length", b"keep-alive"}

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Relay:
    """One relay.

    Attributes:
        host, port: where it listens.
        upstream: host:port of what it passes on to.
        certificate, key: what it shows to both sides.
        authority: certificate of the authority that the other side's certificate must come from.
        is_gate: demand a client certificate (the server's relay), or only from the upstream (a node's relay).
    """

    host: str
    port: int
    upstream: str
    certificate: Path
    key: Path
    authority: Path
    is_gate: bool

    def serve(self) -> None:
        """Serves until the process is ended."""
        uvicorn.run(
            self.app(),
            host=self.host,
            port=self.port,
            ssl_certfile=str(self.certificate),
            ssl_keyfile=str(self.key),
            ssl_ca_certs=str(self.authority),
            ssl_cert_reqs=ssl.CERT_REQUIRED if self.is_gate else ssl.CERT_NONE,
            log_level="warning",
            lifespan="off",
            ws="none",
        )

    def app(self) -> Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]:
        """Returns the ASGI application of the relay."""
        context = ssl.create_default_context(cafile=str(self.authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(str(self.certificate), str(self.key))
        client = httpx.AsyncClient(base_url=f"https://{self.upstream}", verify=context, timeout=60.0, trust_env=False)

        async def relay(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            if not str(scope["path"]).startswith(NODE_PATHS):
                await _reply(send, 403, b"Only the paths of nodes are served here.")
                return
            body = await _body(receive)
            if body is None:
                await _reply(send, 413, b"The message is too large.")
                return
            headers = [(name, value) for name, value in scope["headers"] if name not in _HOP_HEADERS]
            try:
                answer = await client.request(scope["method"], scope["path"], content=body, headers=headers)
            except httpx.HTTPError as error:
                print(f"No connection to {self.upstream}: {_explain(error, self.certificate)}", flush=True)
                await _reply(send, 502, b"The other side of the relay cannot be reached.")
                return
            await _reply(send, answer.status_code, answer.content, answer.headers.get("content-type", ""))

        return relay


async def _body(receive: Receive) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_MAX:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _reply(send: Send, status: int, body: bytes, kind: str = "text/plain") -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _explain(error: Exception, own_certificate: Path) -> str:
    """Returns the reason in plain words, with what to do. A server that refuses a certificate may just hang up."""
    text = str(error).lower()
    if "certificate" in text and "alert" not in text:
        return f"the certificate of the other side is not valid in this federation ({error})."
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError) or "alert" in text:
        try:
            require_valid(own_certificate)
        except DeploymentFailed as expired:
            return f"it refused this side's certificate. {expired}"
        return f"it closed the connection ({error}). Was this site admitted by this federation?"
    return f"{type(error).__name__} {error}".strip()
