"""Observes requests: Prometheus metrics, one log line a request, and the failures that no handler knows.

A metric and a log line name the route's template, never the path, query or body of a request. An unknown failure is
answered here: the server would log its message, which may hold personal data.

Each request has an identifier, which its entries in the log and its answer have (`X-Request-ID`). It is the trace of
the caller's `traceparent` (W3C Trace Context), or the caller's `X-Request-ID` if that is a UUID, else a new one: other
texts of a caller may be personal.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from uuid import UUID

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_serving.problem import problem
from installation.event_log import log_error, log_event, new_request_id, request_log

_SOURCE = "bojagi.serve"
_TRACE = re.compile(r"00-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_BUCKETS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("bojagi_http_requests", "Requests.", labels, registry=self.registry)
        self.seconds = Histogram(
            "bojagi_http_request_seconds", "Time to answer a request.", ("method", "route"), buckets=_BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self.open = Gauge("bojagi_http_requests_open", "Requests being answered.", registry=self.registry)
        self.values = Counter(
            "bojagi_feature_values", "Feature values asked for, by outcome: released or the reason.", ("outcome",),
            registry=self.registry,
        )  # fmt: skip
        self.refusals = Counter("bojagi_http_refusals", "Refused requests by code.", ("code",), registry=self.registry)
        self.failing = Gauge(
            "bojagi_part_failing", "1 if the part failed at the last look of /health/ready, else 0.", ("part",),
            registry=self.registry,
        )  # fmt: skip
        self._parts: frozenset[str] = frozenset()
        # Processor time, memory and open files of this process.
        ProcessCollector(registry=self.registry)

    def note_failing(self, parts: Iterable[str]) -> None:
        """Note the parts that cannot be used now."""
        failing = frozenset(parts)
        self._parts |= failing
        # Without `clear`: it warns if PROMETHEUS_MULTIPROC_DIR is set, as by importing Feast's server.
        for part in self._parts:
            self.failing.labels(part).set(part in failing)


class Observation:
    """Counts and logs every request, and answers an unknown failure with a constant 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection as the ASGI specification says."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, request_id = time.perf_counter(), 0, request_id_of(Headers(scope=scope))
        self._metrics.open.inc()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with request_log(request_id):
            try:
                await self._app(scope, receive, noting)
            except Exception as error:  # noqa: BLE001 - the server would log its message, which may be personal
                log_error(error, source=_SOURCE)
                if not status:
                    detail = "The service failed, and it has released nothing. Its log says where."
                    await problem(500, "internal_error", detail)(scope, receive, noting)
            finally:
                self._metrics.open.dec()
                self._note(scope, status or 500, time.perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        state = scope.get("state", {})
        if code := state.get("code"):
            self._metrics.refusals.labels(code).inc()
        log_event(
            "request", source=_SOURCE, method=method, route=route, status=status, ms=round(seconds * 1000, 3),
            caller=state.get("caller"), code=state.get("code"),
        )  # fmt: skip


def request_id_of(headers: Headers) -> str:
    """Return the identifier of a request, see the module."""
    if found := _TRACE.fullmatch(headers.get("traceparent", "")):
        return found[1]
    try:
        return str(UUID(headers.get("x-request-id", "")))
    except ValueError:
        return new_request_id()


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
