"""Closes connections on which no whole header of a request arrives, so that idle clients do not use up all of them.

`request_limit` limits the time for a body.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_HEADER_SECONDS = 10.0


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, with a time limit for the header of each request of a connection."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first header."""
        super().connection_made(transport)
        self._wait_for_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next header."""
        super().on_response_complete()
        self._wait_for_header()

    def _wait_for_header(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(MOST_HEADER_SECONDS, self._close_without_header)

    def _close_without_header(self) -> None:
        # A cycle lasts from the end of a header to the end of the answer.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
