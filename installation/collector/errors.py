"""Errors of the append log. Messages name folders and limits, never events."""

from __future__ import annotations

from installation.errors import InstallationError


class LogError(InstallationError):
    """Base of every error of the append log."""


class LogBusy(LogError):
    """Too many lines wait to be written. The sender should wait `retry_after_seconds`."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class LogFailed(LogError):
    """The lines could not be written to the disk. None of them may be acknowledged."""
