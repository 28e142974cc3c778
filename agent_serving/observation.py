"""Observes requests: Prometheus metrics, one log line a request, and the failures that no handler knows.

A metric and a log line name the route's template, never the path, query or body of a request. An unknown failure is
answered here: the server would log its message, which may hold personal data.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_serving.problem import problem

LOGGER = logging.getLogger("bojagi.serve")
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


class Observation:
    """Counts and logs every request, and answers an unknown failure with a constant 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection as the ASGI specification says."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0
        self._metrics.open.inc()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001 - the server would log its message, which may be personal
            log_error(error)
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
        if LOGGER.isEnabledFor(logging.INFO):
            known = {"caller": scope.get("state", {}).get("caller"), "code": scope.get("state", {}).get("code")}
            entry = {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"), "method": method, "route": route,
                "status": status, "ms": round(seconds * 1000, 3), **{k: v for k, v in known.items() if v is not None},
            }  # fmt: skip
            LOGGER.info(json.dumps(entry, ensure_ascii=False))


def log_error(error: Exception) -> None:
    """Log the kind of an error and the places it passed. Its message may hold a value, so it is left out."""
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:]]
    cause = f" from {type(error.__cause__).__name__}" if error.__cause__ else ""
    LOGGER.error("%s%s at %s", type(error).__name__, cause, " < ".join(reversed(places)))


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
