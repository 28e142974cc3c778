"""Checks that a Spark Connect endpoint answers, and explains why one refuses a session."""

import re
import socket
from urllib.parse import urlsplit

from pipelines.errors import EngineError

# gRPC itself would retry an address without a server for many minutes.
CONNECT_TIMEOUT_SECONDS = 5.0
DEFAULT_PORT = 15002


def probe(url: str) -> None:
    """Check that a server listens at an address such as sc://host:port.

    Raises:
        EngineError: the address is malformed, unknown, or no server answers within `CONNECT_TIMEOUT_SECONDS`.

    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError as error:
        raise EngineError(
            f"{url} is not an address of a Spark Connect endpoint ({error}): write sc://host:port.", url
        ) from error
    if not host:
        raise EngineError(f"{url} is not an address of a Spark Connect endpoint: write sc://host:port.", url)
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_SECONDS).close()
        _await_handshake(url)
    except OSError as error:
        raise EngineError(
            f"No Spark Connect endpoint answers at {host}:{port} ({error}): start it, or check --engine.", url
        ) from error


def _await_handshake(url: str) -> None:
    """Wait until the server answers in gRPC, with TLS if the address requires it."""
    import grpc
    from pyspark.sql.connect.client import DefaultChannelBuilder

    channel = DefaultChannelBuilder(url).toChannel()
    try:
        grpc.channel_ready_future(channel).result(timeout=CONNECT_TIMEOUT_SECONDS)
    except grpc.FutureTimeoutError as error:
        raise TimeoutError("the server there does not answer in gRPC") from error
    finally:
        channel.close()


def explain_refusal(error: Exception, name: str) -> EngineError:
    """Return a one-line error for a session whose first statement failed."""
    from pyspark import __version__ as client_version

    details = re.search(r'details = "(.*)"', str(error))
    reason = details.group(1) if details else (str(error).strip().splitlines() or [type(error).__name__])[0]
    if "version" in reason.lower():
        advice = f"it does not support this client (pyspark {client_version}); install the pyspark that it names."
    else:
        advice = "check that it is a Spark Connect server and that this client may use it."
    return EngineError(f"The engine at {name} refused the first statement ({reason[:300]}): {advice}", name)


def find_free_port() -> int:
    """Return a port of this machine's loopback on which no process listens at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
