"""Why a request of an SDK is refused. Messages name limits and sources, never a value of an event."""

from __future__ import annotations

from agent_serving.errors import ServingError


class CollectionRefused(ServingError):
    """The request is refused. `status` and `code` are for the answer; `retry_after_seconds` if it may be repeated."""

    def __init__(self, status: int, code: str, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.retry_after_seconds = status, code, retry_after_seconds
