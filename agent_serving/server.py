"""Runs the HTTP application: one process, graceful shutdown, TLS by setting."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import uvicorn

from agent_serving.application import create_app
from agent_serving.connection_limit import LimitedProtocol
from agent_serving.console.customer.identity import StewardOf
from agent_serving.errors import ServerStartError
from installation.event_log import open_log
from installation.installation import Installation
from installation.mail_settings import is_loopback

GRACE_SECONDS = 10
"""How long open requests may take to finish after a signal to stop."""


def serve(installation: Installation, steward_of: StewardOf | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Requests that are open then are answered, for at most `GRACE_SECONDS`.

    Prints the address once the socket listens. `steward_of` records decisions on identity that the console takes.

    Raises:
        ServerStartError: the address is taken or not ours, the certificate cannot be used, or the settings would serve
            personal data over an unencrypted connection to other machines.
        FeatureError: the online store, the consent record or the audit log cannot be opened.
        ApiKeyError: the store of API keys cannot be opened.
    """
    settings = installation.settings.http
    if settings.tls_certificate is None and not is_loopback(settings.host):
        raise ServerStartError(
            f"http.host is {settings.host}, so other machines could read personal data on the way. Set "
            "http.tls_certificate and http.tls_key, or listen on 127.0.0.1 behind a proxy that ends TLS."
        )
    app = create_app(installation, steward_of)
    # h11 limits the size of headers, and takes none from the end of a body.
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_config=None, access_log=False,
        server_header=False, http=LimitedProtocol, ws="none", proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS, lifespan="on",
        ssl_certfile=settings.tls_certificate, ssl_keyfile=settings.tls_key,
    )  # fmt: skip
    open_log(installation.settings.log, is_needed=True)
    try:
        config.load()
    except OSError as error:
        raise ServerStartError(f"{settings.tls_certificate}: the certificate cannot be used: {error}.") from error
    with _listening(settings.host, settings.port) as listener, closing(app.state.services) as services:
        # Before the server runs, which would log a failure with its traceback.
        services.open()
        scheme = "https" if config.is_ssl else "http"
        host, port = listener.getsockname()[:2]
        print(
            f"Bojagi listens on {scheme}://{f'[{host}]' if ':' in host else host}:{port} (Ctrl-C stops it)", flush=True
        )
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """A server whose end by a signal is a success: it does not raise the signal again after its shutdown."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop the server at the first SIGINT or SIGTERM, and at once at a second SIGINT."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise ServerStartError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another address with --host and --port."
        ) from error
    return listener
