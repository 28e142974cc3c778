"""Tells whether an error of an engine means that its session is lost."""

from __future__ import annotations

from grpc import StatusCode
from pyspark.errors import PySparkException

_LOST = frozenset(
    {
        "INVALID_HANDLE.SESSION_NOT_FOUND", "INVALID_HANDLE.SESSION_CHANGED", "INVALID_HANDLE.SESSION_CLOSED",
        "INVALID_HANDLE.OPERATION_NOT_FOUND", "RESPONSE_ALREADY_RECEIVED", "NO_ACTIVE_SESSION",
    }
)  # fmt: skip
"""Conditions that a client reports for a session that its server does not have."""


def is_lost(error: BaseException) -> bool:
    """Return whether an error means that the server does not have the session any more, or does not answer."""
    if not isinstance(error, PySparkException):
        return False
    if getattr(error, "_grpc_status_code", None) is StatusCode.UNAVAILABLE:
        return True
    return error.getCondition() in _LOST or "server side session identifier" in str(error)
