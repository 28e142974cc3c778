"""The current time, as logs and budgets record it."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current moment, in UTC."""
    return datetime.now(UTC)
